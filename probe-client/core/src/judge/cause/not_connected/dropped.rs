//! `dropped`: SYNs are lost on the way to the server, or at its host.

use super::at_the_host;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::judge::ecn;
use crate::judge::evidence::{Evidence, Refusal};
use crate::judge::place::Place;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn by_the_witness_word(evidence: &Evidence<'_>) -> Verdict {
    let (target, commands) = (evidence.target(), evidence.commands_for_host_rules());
    at_the_host(
        VerdictId::Dropped,
        format!("connections to {target} reach the server's host, which drops them silently"),
        format!(
            "ask the server's admin to look for a drop rule for TCP to {target} in that host's own \
             firewall ({commands}); if it has none, for full queues (`nstat -az TcpExtListenDrops`)"
        ),
    )
}

/// Returns whether the server saw no SYN, and would have seen one to a port that works.
fn unseen(evidence: &Evidence<'_>) -> bool {
    evidence.sees_syns() && evidence.never_seen() && !evidence.working_ports_lose_syns()
}

/// Returns the verdict if the server reports that it saw no SYN, or if the SYNs are seen to end on the path.
pub(super) fn before_the_server(evidence: &Evidence<'_>) -> Option<Verdict> {
    let place = Place::of_drop(evidence);
    let answer = evidence.sighting_answer();
    let unseen = unseen(evidence);
    let seen = answer.is_some_and(|answer| !answer.sightings.is_empty());
    let ends_on_the_way = evidence.ends_on_the_way();
    // A hop that falls silent does not show a drop if the server's host has answered and its answers were refused.
    let refused = matches!(evidence.refusal(), Refusal::Likely { .. });
    if seen || refused || !(unseen || ends_on_the_way) {
        return None;
    }
    let doubts = doubts(evidence, unseen, ends_on_the_way);
    let either_way = doubts.contains(&Alternative::AnswerRefused);
    let mut verdict = Verdict::new(
        VerdictId::Dropped,
        place.segment.clone(),
        Confidence::High,
        claim(evidence, &place, either_way),
    );
    if unseen {
        let account = account(evidence);
        verdict
            .evidence
            .extend(account.into_iter().map(str::to_owned));
    }
    let next = next(evidence, &place, &doubts);
    Some(verdict.because(place.fact).unless_all(doubts).next(next))
}

/// Returns the other causes that would have looked the same.
fn doubts(evidence: &Evidence<'_>, unseen: bool, ends_on_the_way: bool) -> Vec<Alternative> {
    let mut doubts = Vec::new();
    if evidence.refusal() != Refusal::Excluded || !unseen {
        doubts.push(Alternative::AnswerRefused);
        if ends_on_the_way {
            doubts.push(Alternative::SentElsewhere);
        }
    }
    if !ends_on_the_way && !evidence.never_at_the_host() {
        doubts.push(Alternative::ServerHostsFirewall);
    }
    if unseen && evidence.told_over_another_path() {
        doubts.push(Alternative::AnotherInstance);
    }
    doubts
}

fn claim(evidence: &Evidence<'_>, place: &Place, either_way: bool) -> String {
    let end = if evidence.never_at_the_host() {
        "'s host"
    } else {
        ""
    };
    let target = evidence.target();
    let mut claim =
        format!("connections to {target} are dropped silently before they reach the server{end}");
    if let Some(words) = &place.words {
        claim.push_str(&format!(", {words}"));
    }
    if either_way {
        claim.push_str(
            "; or, less likely, they arrive and the server's answer is refused on the way back",
        );
    }
    claim
}

fn next(evidence: &Evidence<'_>, place: &Place, doubts: &[Alternative]) -> String {
    let target = evidence.target();
    let mut next = String::new();
    if evidence.working_ports_lose_syns() {
        next.push_str(&format!(
            "run again for this port alone first (--port {}): ports that work also lose SYNs, as \
             under a limit on new connections; if it is dropped again, ",
            evidence.probe.port_dialled()
        ));
    }
    next.push_str(&who_drops(evidence, place));
    if place.whom.is_some() && evidence.hops_are_hidden() {
        next.push_str(&format!(
            "; also ask whether ICMP errors from devices further along the path may reach {}: if \
             not, one of those devices may refuse the connection with an ICMP error that does not \
             arrive",
            evidence.source()
        ));
    }
    if doubts.contains(&Alternative::ServerHostsFirewall)
        && place.whom.is_some()
        && place.segment != Segment::CloudEdge
    {
        next.push_str(&format!(
            "; if they find no drop, ask the cloud team (network security group) and the server's \
             admin (that host's own firewall: {}) the same",
            evidence.commands_for_host_rules()
        ));
    }
    if let Some((port, address)) = evidence.translated() {
        next.push_str(&format!(
            "; the server saw the session to port {port} come from {address}, so there is a NAT on \
             the way: also ask the team that runs {address} whether its source ports for {target} \
             are used up, which looks the same"
        ));
    }
    if doubts.contains(&Alternative::AnswerRefused) {
        next.push_str(&format!(
            "; if nobody finds a drop, ask the firewall team whether a device resets or rejects \
             answers (SYN-ACK) from {target} to {}, or sees only one direction of the connection",
            evidence.source()
        ));
        if doubts.contains(&Alternative::SentElsewhere) {
            next.push_str(", or sends it to another destination (DNAT)");
        }
        next.push_str(
            "; and look for a rule of this host's own firewall that rejects those answers",
        );
    }
    if ecn::is_asked_for(evidence) {
        next.push_str(
            "; this host's SYNs ask for ECN, which some devices drop: turn that off first (`sysctl \
             net.ipv4.tcp_ecn=2`) and run again",
        );
    }
    next
}

/// Returns the question to those who run the place of the drop, or who may drop the SYN if the place is not known.
fn who_drops(evidence: &Evidence<'_>, place: &Place) -> String {
    let host = if evidence.never_at_the_host() {
        String::new()
    } else {
        format!(
            ", and the server's admin whether that host's own firewall does ({})",
            evidence.commands_for_host_rules()
        )
    };
    match &place.whom {
        Some(whom) => format!(
            "ask {whom} which rule drops {}, and to allow it, replies included",
            evidence.flow()
        ),
        None => format!(
            "ask the firewall team whether a rule drops {} outbound, and to allow it, replies \
             included; if none does, ask the cloud team whether the network security group drops \
             it inbound{host}",
            evidence.flow()
        ),
    }
}

/// Returns the account of the server, which saw none of the SYNs.
fn account(evidence: &Evidence<'_>) -> Vec<&'static str> {
    if evidence.never_at_the_host() {
        return vec![
            "the server's witness, which sees SYNs before its host's own firewall does, saw none \
             from this host to that port in that time",
        ];
    }
    let mut said =
        vec!["the server looked for a SYN from this host on that port in that time and saw none"];
    if evidence.refusal() == Refusal::Excluded {
        said.push(
            "the kernel of the server's host counted no refused answer to a SYN in that time, as \
             it would have if it had answered this one",
        );
    }
    said
}
