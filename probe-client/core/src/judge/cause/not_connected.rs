//! Judges a port that did not accept a connection while the server is known to be up: which device refused it, or where
//! its SYNs or their answers were lost.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use super::super::place::{Answer, Place, translated};
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::control_record::ControlRecord;
use crate::measurement::SightingEnd;
use crate::observation::FailureKind;
use crate::survey::RelativeDistance;
use crate::verdict::{Confidence, Segment, Verdict};
use crate::words::counted;

mod dropped;
mod not_listening;
mod rejected;
mod reply_dropped;

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
    // The instance that answered may be one that does not listen on this port.
    let by_chance = !listening.is_empty() && (lacks_an_instance || !lacking.is_empty());
    let translated = translated(evidence);
    match (evidence.answering(), listens) {
        (RelativeDistance::Nearer { answering, server }, Some(false))
            if answering.farthest + 1 == server.nearest =>
        {
            Some(not_listening::not_passed_on(evidence))
        }
        (RelativeDistance::Nearer { .. }, _) => {
            let place = Place::of_nearer(evidence, Answer::Reset)?;
            Some(rejected::at(evidence, place))
        }
        _ if translated.is_some() => translated.map(|place| rejected::elsewhere(evidence, place)),
        (RelativeDistance::Same { .. } | RelativeDistance::Undecided, _) if by_chance => None,
        (RelativeDistance::Same { .. } | RelativeDistance::Undecided, Some(true))
            if evidence.stopped_at_the_host() =>
        {
            Some(rejected::by_the_witness_word(evidence))
        }
        (RelativeDistance::Same { distance }, Some(true)) => {
            rejected::at_the_end(evidence, distance)
        }
        (RelativeDistance::Same { distance }, Some(false)) => Some(
            not_listening::by_its_host(evidence, Confidence::High)
                .because(from_there(distance))
                .because(format!(
                    "the server says that it does not listen on port {}",
                    address.port()
                ))
                .unless(Alternative::LastDevice),
        ),
        (RelativeDistance::Undecided, Some(true)) => Some(rejected::somewhere(
            evidence,
            format!("the server says that it listens on port {}", address.port()),
        )),
        (RelativeDistance::Undecided, None) if evidence.proved_on_this_port() => {
            Some(rejected::somewhere(
                evidence,
                "over another path the server answers on that port".to_owned(),
            ))
        }
        (RelativeDistance::Undecided, Some(false)) => Some(unmeasured(evidence, address.port())),
        // The last router's answers come from the same distance as those of the server's host.
        (RelativeDistance::Same { .. } | RelativeDistance::Undecided, None) => None,
    }
}

/// Returns the verdict for an RST from an unknown distance, if the server says that it does not listen on the port.
fn unmeasured(evidence: &Evidence<'_>, port: u16) -> Verdict {
    not_listening::by_its_host(evidence, Confidence::Medium)
        .because(format!(
            "the server says that it does not listen on port {port}; who sent the RST was not \
             measured"
        ))
        .unless(Alternative::AnswersInItsName)
}

fn silent(evidence: &Evidence<'_>) -> Option<Verdict> {
    // The half-open connection may come from the probe's own SYN or from a survey's SYN. Both are this host's.
    let half_open = evidence.sighting_answer().is_some_and(|answer| {
        let mut all = answer.sightings.iter();
        all.any(|s| s.end == SightingEnd::HalfOpen)
    });
    if evidence.answer_stopped_at_the_host() {
        return Some(reply_dropped::at_the_host(evidence));
    }
    // If the port accepted another SYN, a device drops only some connections or some answers, not all of this port's.
    let accepted_meanwhile = evidence.accepted_meanwhile();
    if half_open && !accepted_meanwhile {
        return Some(reply_dropped::on_the_way(evidence));
    }
    if evidence.stopped_at_the_host() {
        return Some(dropped::by_the_witness_word(evidence));
    }
    if accepted_meanwhile {
        return None;
    }
    dropped::before_the_server(evidence)
}

/// Returns a verdict about the server's own host, as the witness reports it.
fn at_the_host(id: VerdictId, claim: String, next: String) -> Verdict {
    Verdict::new(id, Segment::ServerHost, Confidence::High, claim)
        .because(
            "the server's witness saw the SYN arrive at its host's network interface; no SYN-ACK \
             left that host, and its TCP has no such connection",
        )
        .next(next)
}

fn from_there(distance: u8) -> String {
    format!(
        "the RST comes from exactly as far away as the server: {}",
        counted(distance, "hop")
    )
}
