//! `not-listening`, `rejected`, `dropped` and `reply-dropped`: this port took no connection while the
//! server is known to be up.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use super::super::place::{Answer, Place, translated};
use crate::catalogue::VerdictId;
use crate::control_record::ControlRecord;
use crate::measurement::SightingEnd;
use crate::observation::FailureKind;
use crate::survey::{Beyond, Comparison, LastHop};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NotConnected(failure) = evidence.ending() else {
        return None;
    };
    if !evidence.server_alive() {
        return None;
    }
    let mut verdict = if failure.kind == FailureKind::Refused {
        refused(evidence)?
    } else if failure.kind == FailureKind::TimedOut {
        silent(evidence)?
    } else {
        return None;
    };
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(evidence.others_work());
    verdict.evidence.extend(evidence.works_over_other_paths());
    Some(verdict)
}

fn refused(evidence: &Evidence<'_>) -> Option<Verdict> {
    let address = evidence.probe.address?;
    if evidence.accepted_meanwhile() {
        return None;
    }
    let (listening, lacking) = evidence.instances();
    let lacks_an_instance = evidence
        .control
        .is_some_and(ControlRecord::lacks_an_instance);
    let listens = match (listening.is_empty(), lacking.is_empty()) {
        (false, true) => Some(true),
        (true, false) => Some(false),
        (true, true) | (false, false) => None,
    };
    // Whichever instance answered: it may be one that does not listen there.
    let by_chance = !listening.is_empty() && (lacks_an_instance || !lacking.is_empty());
    let translated = translated(evidence);
    match (evidence.answering(), listens) {
        (Comparison::Nearer { answering, server }, Some(false)) if answering.farthest + 1 == server.nearest => {
            Some(not_passed_on(evidence))
        }
        (Comparison::Nearer { .. }, _) => {
            let place = Place::of_nearer(evidence, Answer::Reset)?;
            Some(rejected_at(evidence, place))
        }
        _ if translated.is_some() => translated.map(|place| rejected_elsewhere(evidence, place)),
        (Comparison::Same { .. } | Comparison::Undecided, _) if by_chance => None,
        (Comparison::Same { .. } | Comparison::Undecided, Some(true)) if evidence.stopped_at_the_host() => {
            Some(rejected_by_the_witness_word(&evidence.target()))
        }
        (Comparison::Same { distance }, Some(true)) => rejected_at_the_end(evidence, distance),
        (Comparison::Same { distance }, Some(false)) => Some(
            not_listening(evidence, Confidence::High)
                .because(from_there(distance))
                .because(format!("the server says that it does not listen on port {}", address.port())),
        ),
        (Comparison::Undecided, Some(true)) => Some(rejected_somewhere(
            evidence,
            format!("the server says that it listens on port {}", address.port()),
        )),
        (Comparison::Undecided, None) if evidence.proved_on_this_port() => Some(rejected_somewhere(
            evidence,
            "over another path the server answers on that port".to_owned(),
        )),
        (Comparison::Undecided, Some(false)) => {
            Some(not_listening(evidence, Confidence::Medium).because(format!(
                "the server says that it does not listen on port {}; who sent the RST was not measured",
                address.port()
            )))
        }
        // The last router answers from as far away as the server's host does.
        (Comparison::Same { .. } | Comparison::Undecided, None) => None,
    }
}

fn rejected_at(evidence: &Evidence<'_>, place: Place) -> Verdict {
    let target = evidence.target();
    Verdict::new(
        VerdictId::Rejected,
        place.segment,
        Confidence::High,
        format!(
            "a device before the server resets connections to {target}, {}",
            place.words.unwrap_or_default()
        ),
    )
    .because(place.fact)
    .next(format!(
        "ask {} which rule rejects TCP to {target} with a reset",
        place.whom.unwrap_or_default()
    ))
}

/// Whoever they are sent to.
fn rejected_elsewhere(evidence: &Evidence<'_>, place: Place) -> Verdict {
    let target = evidence.target();
    Verdict::new(
        VerdictId::Rejected,
        place.segment,
        Confidence::High,
        format!(
            "connections to {target} are sent to another destination on their way, and reset there"
        ),
    )
    .because(place.fact)
    .next(format!(
        "ask {} which port-forwarding rule (DNAT) takes TCP to {target}",
        place.whom.unwrap_or_default()
    ))
}

/// By the server's host, or by the last router, whose RST comes from as far away.
fn rejected_at_the_end(evidence: &Evidence<'_>, distance: u8) -> Option<Verdict> {
    let place = Place::of_end(evidence, distance, from_there(distance))?;
    if evidence.never_at_the_host() {
        return Some(rejected_at(evidence, place).because(
            "the server's witness, which sees SYNs before its host's own firewall does, saw none of them",
        ));
    }
    let target = evidence.target();
    let verdict = Verdict::new(
        VerdictId::Rejected,
        place.segment,
        Confidence::Medium,
        format!("the server's host, or the device right before it, resets connections to {target} although the server listens there"),
    )
    .because(place.fact)
    .because("the server says that it listens on that port, yet the SYN was answered with RST")
    .next(format!(
        "look for a reject rule for {target} in the server host's own firewall (`nft list ruleset`, `iptables -S`) first, then \
         in the last device before it; a witness on the server (`witness = true`) tells the two apart"
    ));
    Some(verdict)
}

fn rejected_somewhere(evidence: &Evidence<'_>, listens: String) -> Verdict {
    let target = evidence.target();
    Verdict::new(
        VerdictId::Rejected,
        Segment::Unknown,
        Confidence::Medium,
        format!(
            "connections to {target} are reset although the server listens there: by a device before it, or by its host's \
             own firewall"
        ),
    )
    .because("who sent the RST was not measured")
    .because(format!("{listens}, yet the SYN was answered with RST"))
    .next(format!(
        "ask the firewall team which rule rejects TCP to {target} with a reset; look for one in the server host's own \
         firewall as well (`nft list ruleset`, `iptables -S`)"
    ))
}

fn not_listening(evidence: &Evidence<'_>, confidence: Confidence) -> Verdict {
    let port = evidence.probe.address.map_or(0, |a| a.port());
    Verdict::new(
        VerdictId::NotListening,
        Segment::ServerHost,
        confidence,
        format!("nothing listens on port {port} of the server; its host refused the connection"),
    )
    .next(format!("start fwprobe-echo with port {port} (`--port {port}`, or [[listen]] in its configuration) and run again"))
}

/// As a container's host refuses what it has no rule for.
fn not_passed_on(evidence: &Evidence<'_>) -> Verdict {
    let port = evidence.probe.port_dialled();
    not_listening(evidence, Confidence::Medium).because(format!(
        "the server says that it does not listen on port {port}, and the RST comes from one hop before it: from a host that \
         passes other ports on to the server (a container's), or from the last router"
    ))
}

fn from_there(distance: u8) -> String {
    format!("the RST comes from exactly as far away as the server: {distance} hops")
}

fn silent(evidence: &Evidence<'_>) -> Option<Verdict> {
    let target = evidence.target();
    // Whether of the probe's own SYN or of a survey's: both came from here.
    let half_open = evidence.sighting_answer().is_some_and(|answer| {
        let mut all = answer.sightings.iter();
        all.any(|s| s.end == SightingEnd::HalfOpen)
    });
    if evidence.answer_stopped_at_the_host() {
        return Some(answer_dropped_by_the_witness_word(&target));
    }
    if half_open {
        return Some(
            Verdict::new(
                VerdictId::ReplyDropped,
                Segment::PATH,
                Confidence::High,
                format!("the SYN to {target} reached the server, and the server's answer did not come back"),
            )
            .because("the server has the connection half open: it saw the SYN, answered, and waits for the rest")
            .next(format!(
                "ask the firewall team for asymmetric routing or a stateful device that drops the SYN-ACK from {target}; a \
                 rule of the server host's own that lets no answer out looks the same (a witness on the server tells)"
            )),
        );
    }
    if evidence.stopped_at_the_host() {
        return Some(dropped_by_the_witness_word(&target));
    }
    // What drops some connections does not drop the port.
    if evidence.accepted_meanwhile() {
        return None;
    }
    dropped(evidence)
}

fn answer_dropped_by_the_witness_word(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::ReplyDropped,
        Segment::ServerHost,
        Confidence::High,
        format!("the SYN to {target} reached the server, and the server's own host lets no answer out"),
    )
    .because(
        "the server has the connection half open: it saw the SYN, answered, and waits for the rest; its witness, which \
         sees what leaves its host's network interface, saw no SYN-ACK leave",
    )
    .next(format!(
        "look for a rule that drops what {target} answers in the server host's own firewall (`nft list ruleset`, \
         `iptables -S`): SYN-ACKs have to be let out"
    ))
}

/// By the witness' word.
fn stopped_at_the_host(id: VerdictId, claim: String, next: String) -> Verdict {
    Verdict::new(id, Segment::ServerHost, Confidence::High, claim)
        .because(
            "the server's witness saw the SYN arrive at its host's network interface; no SYN-ACK left that host, and \
             its TCP has no such connection",
        )
        .next(next)
}

fn rejected_by_the_witness_word(target: &str) -> Verdict {
    stopped_at_the_host(
        VerdictId::Rejected,
        format!(
            "the server's own host resets connections to {target} although the server listens there"
        ),
        format!(
            "look for a reject rule for {target} in the server host's own firewall (`nft list ruleset`, `iptables -S`)"
        ),
    )
}

fn dropped_by_the_witness_word(target: &str) -> Verdict {
    stopped_at_the_host(
        VerdictId::Dropped,
        format!("connections to {target} reach the server's host, which drops them silently"),
        format!(
            "look for a drop rule for {target} in the server host's own firewall (`nft list ruleset`, `iptables -S`); \
             if it has none, for full queues (`nstat -az TcpExtListenDrops`)"
        ),
    )
}

/// The server saw no SYN, and would have seen one of a port that works.
fn unseen(evidence: &Evidence<'_>) -> bool {
    evidence.sees_syns() && evidence.never_seen() && !evidence.working_ports_lose_syns()
}

/// By the server's word, or because the SYNs are seen to end on the way.
fn dropped(evidence: &Evidence<'_>) -> Option<Verdict> {
    let target = evidence.target();
    let place = Place::of_drop(evidence);
    let answer = evidence.sighting_answer();
    let before_the_host = evidence.never_at_the_host();
    let unseen = unseen(evidence);
    let seen = answer.is_some_and(|answer| !answer.sightings.is_empty());
    let ends_on_the_way = evidence.survey().is_some_and(|survey| {
        let last = survey.last_hop();
        matches!(
            last,
            LastHop::Lost {
                lost_before: Beyond::Hop(_),
                ..
            }
        )
    });
    if seen || !(unseen || ends_on_the_way) {
        return None;
    }
    let end = if before_the_host { "'s host" } else { "" };
    let mut claim =
        format!("connections to {target} are dropped silently before they reach the server{end}");
    if let Some(words) = &place.words {
        claim.push_str(&format!(", {words}"));
    }
    let confidence = if unseen {
        evidence.confidence_in_account()
    } else {
        Confidence::Medium
    };
    let mut verdict = Verdict::new(VerdictId::Dropped, place.segment, confidence, claim);
    let account = if unseen {
        account(evidence, ends_on_the_way)
    } else {
        Vec::new()
    };
    verdict
        .evidence
        .extend(account.into_iter().map(str::to_owned));
    let inbound = if before_the_host {
        "network security group"
    } else {
        "network security group, server host's own firewall"
    };
    let next = match place.whom {
        Some(whom) => format!("ask {whom} to allow TCP to {target}"),
        None => format!(
            "ask the firewall team to allow outbound TCP to {target}, and the cloud team to allow it inbound ({inbound})"
        ),
    };
    Some(verdict.because(place.fact).next(next))
}

/// What the server says, which saw none of the SYNs.
fn account(evidence: &Evidence<'_>, ends_on_the_way: bool) -> Vec<&'static str> {
    let mut said = Vec::new();
    if evidence.never_at_the_host() {
        said.push(
            "the server's witness, which sees SYNs before its host's own firewall does, saw none from this host to \
             that port in that time",
        );
    } else {
        said.push(
            "the server looked for a SYN from this host on that port in that time and saw none",
        );
        if !ends_on_the_way {
            said.push(
                "a SYN that its host's own firewall dropped would have looked the same, and so would one whose answer a \
                 device refused at once on the way back: the server sees those only with a witness (`witness = true` in \
                 its configuration)",
            );
        }
    }
    if evidence.told_over_another_path() {
        said.push(
            "it was asked over another path: had it several instances behind this address, another might have seen one",
        );
    }
    said
}
