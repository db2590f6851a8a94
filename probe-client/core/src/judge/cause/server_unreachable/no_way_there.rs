//! `server-unreachable` as the network itself reports it: for every port of the server's address, a router says that it
//! has no route there, or nothing comes back. One statement about the address, not one per port.

use std::net::IpAddr;

use crate::catalogue::VerdictId;
use crate::judge::ending::{Ending, ending};
use crate::judge::evidence::Evidence;
use crate::judge::icmp;
use crate::judge::place::{as_far_as, owner};
use crate::measurement::Measurement;
use crate::observation::FailureKind;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NotConnected(_) = evidence.ending() else {
        return None;
    };
    let address = evidence.probe.server()?;
    if evidence.server_alive() {
        return None;
    }
    let answers: Option<Vec<(u16, Answer)>> = evidence
        .same_server
        .iter()
        .map(|m| {
            let answer = Answer::of(m, address, evidence.own_addresses)?;
            Some((m.port_dialled(), answer))
        })
        .collect();
    let answers = answers?;
    let words: Vec<Word> = answers.iter().filter_map(|(_, a)| a.word()).collect();
    let first = *words.first()?;
    let who = who(evidence, first.sender);
    let said = icmp::meaning(address.is_ipv6(), first.icmp_type, first.code);
    let mut verdict = Verdict::new(
        VerdictId::ServerUnreachable,
        Segment::Path {
            hop: hop(evidence, first.sender),
            address: Some(first.sender),
        },
        Confidence::High,
        format!(
            "{who} says that it cannot deliver to the server's address {address}: {said}. That \
             says nothing about individual ports; either the server's host is down or has another \
             address, or {}",
            first.alternatives()
        ),
    )
    .because(told(&answers))
    .next(next(evidence, first, address));
    let surveys = evidence.same_server.iter();
    let mut surveys = surveys.filter_map(|m| m.survey.as_ref());
    verdict.evidence.extend(surveys.find_map(as_far_as));
    let mut others: Vec<String> = Vec::new();
    for sender in words
        .iter()
        .map(|w| w.sender)
        .filter(|s| *s != first.sender)
    {
        let text = sender.to_string();
        if !others.contains(&text) {
            others.push(text);
        }
    }
    if !others.is_empty() {
        verdict = verdict.because(format!(
            "other routers that say the same: {}",
            others.join(", ")
        ));
    }
    verdict.evidence.extend(evidence.other_paths_lead_there());
    Some(verdict)
}

fn next(evidence: &Evidence<'_>, word: Word, address: IpAddr) -> String {
    let hop = hop(evidence, word.sender);
    let at = hop.map_or_else(|| "a router".to_owned(), |hop| format!("hop {hop}"));
    format!(
        "first ask the server's admin whether {address} is its address, and whether its host is \
         up; if so, ask {} {}; quote ICMP type {} code {} from {}",
        owner(&at, Some(word.sender)),
        word.question(address, &evidence.source()),
        word.icmp_type,
        word.code,
        word.sender
    )
}

/// Returns in words how each port was answered.
fn told(answers: &[(u16, Answer)]) -> String {
    let with = |of: fn(&Answer) -> bool| {
        let ports = answers.iter().filter(|(_, answer)| of(answer));
        let ports: Vec<String> = ports.map(|(port, _)| port.to_string()).collect();
        (!ports.is_empty()).then(|| ports.join(", "))
    };
    let mut text = format!(
        "{} ports were tried, the control port included; answered with such an ICMP error: {}",
        answers.len(),
        with(|a| matches!(a, Answer::Told(_))).unwrap_or_default()
    );
    if let Some(silent) = with(|a| matches!(a, Answer::Silence)) {
        text.push_str(&format!(
            "; without an answer, as routers limit how often they say so: {silent}"
        ));
    }
    if let Some(reset) = with(|a| matches!(a, Answer::Reset)) {
        text.push_str(&format!(
            "; answered with an RST, by a device on the way if nobody has the address: {reset}"
        ));
    }
    text
}

/// The result of a SYN to one port of an address to which there is no route.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Silence,
    /// An RST, without an ICMP error.
    Reset,
    Told(Word),
}

/// An ICMP error that concerns the address, not a port.
#[derive(Clone, Copy, Debug)]
struct Word {
    sender: IpAddr,
    icmp_type: u8,
    code: u8,
}

impl Answer {
    /// Returns the answer to a probe's SYN; `None` if it had another result.
    fn of(measurement: &Measurement, server: IpAddr, own: &[IpAddr]) -> Option<Self> {
        let Ending::NotConnected(failure) = ending(measurement) else {
            return None;
        };
        let Some((sender, icmp_type, code)) = failure.origin.icmp() else {
            return if failure.kind == FailureKind::TimedOut {
                Some(Self::Silence)
            } else {
                (failure.kind == FailureKind::Refused).then_some(Self::Reset)
            };
        };
        let word = Word {
            sender,
            icmp_type,
            code,
        };
        let of_a_router = sender != server && !own.contains(&sender);
        (of_a_router && word.is_about_the_address()).then_some(Self::Told(word))
    }

    fn word(&self) -> Option<Word> {
        match self {
            Self::Silence | Self::Reset => None,
            Self::Told(word) => Some(*word),
        }
    }
}

impl Word {
    /// Returns whether the error concerns the address: network or host unreachable, or a used-up hop limit (RFC 792 and
    /// RFC 4443 section 3).
    fn is_about_the_address(self) -> bool {
        self.is_of_a_loop()
            || matches!(
                (self.sender.is_ipv6(), self.icmp_type, self.code),
                (false, 3, 0 | 1) | (true, 1, 0 | 3)
            )
    }

    fn is_of_a_loop(self) -> bool {
        (self.icmp_type, self.code)
            == if self.sender.is_ipv6() {
                (3, 0)
            } else {
                (11, 0)
            }
    }

    fn alternatives(self) -> &'static str {
        if self.is_of_a_loop() {
            "routers send packets to it in circles"
        } else {
            "that router has no route to the address, cannot reach its next hop, or has a rule \
             that rejects everything to the address with this message"
        }
    }

    fn question(self, address: IpAddr, source: &str) -> String {
        if self.is_of_a_loop() {
            format!(
                "to check its route to {address} and those of its neighbours, which send packets \
                 in circles"
            )
        } else {
            format!(
                "whether it has a route to {address}, whether the next hop there answers (ARP, \
                 neighbour discovery), and whether a rule rejects TCP from {source} to {address}, \
                 on all ports or on these"
            )
        }
    }
}

fn hop(evidence: &Evidence<'_>, sender: IpAddr) -> Option<u8> {
    let mut surveys = evidence
        .same_server
        .iter()
        .filter_map(|m| m.survey.as_ref());
    surveys.find_map(|survey| survey.hop_of(sender))
}

fn who(evidence: &Evidence<'_>, sender: IpAddr) -> String {
    hop(evidence, sender).map_or_else(
        || format!("the router {sender}"),
        |hop| format!("hop {hop} ({sender})"),
    )
}
