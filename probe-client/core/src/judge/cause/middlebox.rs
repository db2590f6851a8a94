//! `answered-by-middlebox`: the handshake was completed, yet the server never saw the connection.

use super::super::compared::facts;
use super::super::evidence::{Ending, Evidence};
use super::super::place::Place;
use crate::catalogue::VerdictId;
use crate::survey::Comparison;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Mute(..) = evidence.ending() else {
        return None;
    };
    if !evidence.server_alive() {
        return None;
    }
    let nearer = match (evidence.answering(), evidence.survey()) {
        (Comparison::Nearer { answering, server }, Some(survey)) => {
            Some(Place::of_answer(survey, "SYN-ACK", answering, server))
        }
        (Comparison::Nearer { .. } | Comparison::Same { .. } | Comparison::Undecided, _) => None,
    };
    if nearer.is_none() && !evidence.never_seen() {
        return None;
    }
    let target = evidence.target();
    let (segment, place, whom) = match &nearer {
        Some(place) => (
            place.segment.clone(),
            place.words.as_deref(),
            place.whom.as_deref(),
        ),
        None => (Segment::PATH, None, None),
    };
    let mut verdict = Verdict::new(
        VerdictId::AnsweredByMiddlebox,
        segment,
        Confidence::High,
        format!(
            "a device {} answers TCP handshakes for {target}; the connection never reached the server",
            place.unwrap_or("on the way")
        ),
    )
    .next(format!(
        "ask {} for a SYN proxy, transparent proxy or relay for TCP to {target}, and why it does not reach the server \
         behind it",
        whom.unwrap_or("the firewall team")
    ));
    if evidence.never_seen() {
        verdict = verdict.because(
            "the handshake completed, and the server looked for the connection and saw none",
        );
    }
    verdict.evidence.extend(nearer.map(|place| place.fact));
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}
