//! `answered-by-middlebox`: somebody else completed the handshake: the server never saw the connection, or
//! the answer came from nearer than the server.

use super::super::compared::facts;
use super::super::ending::Ending;
use super::super::evidence::Evidence;
use super::super::place::{Answer, Place};
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
    let nearer = Place::of_nearer(evidence, Answer::SynAck);
    let never_seen = evidence.never_seen();
    if !never_seen && (nearer.is_none() || evidence.perhaps_accepted()) {
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
    // From there it may be the server's host after all: another process behind the same address.
    let from_there = matches!(evidence.answering(), Comparison::Same { .. });
    let confidence = if never_seen && !from_there {
        evidence.confidence_in_account()
    } else {
        Confidence::Medium
    };
    let beyond = if never_seen {
        "the connection never reached the server"
    } else {
        "whether it passes anything on is not known"
    };
    let mut verdict = Verdict::new(
        VerdictId::AnsweredByMiddlebox,
        segment,
        confidence,
        format!(
            "a device {} answers TCP handshakes for {target}; {beyond}",
            place.unwrap_or("on the way")
        ),
    )
    .next(format!(
        "ask {} for a SYN proxy, transparent proxy or relay for TCP to {target}, and why nothing of the server behind it \
         comes through",
        whom.unwrap_or("the firewall team")
    ));
    if never_seen {
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
