//! `payload-reset` and `payload-dropped` after the testimony: the session was verified, and then its
//! payload was cut off, at a known offset and direction.

use super::super::evidence::{Ending, Evidence};
use crate::catalogue::VerdictId;
use crate::observation::FailureKind;
use crate::session::StageReport;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Testified(_, operation, failure) = evidence.ending() else {
        return None;
    };
    let reset = matches!(failure.kind, FailureKind::Reset | FailureKind::Closed);
    let target = evidence.target();
    let (id, what) = if reset {
        (VerdictId::PayloadReset, "is cut off")
    } else {
        (VerdictId::PayloadDropped, "dies silently")
    };
    let stages = evidence.session().map_or(&[][..], |s| &s.stages);
    let place = place(stages);
    let mut verdict = Verdict::new(
        id,
        Segment::PATH,
        Confidence::Medium,
        format!("the session with {target} begins well and then {what} {place}"),
    )
    .because("the server proved itself on this very connection before that")
    .next(format!(
        "ask the firewall team for protocol inspection, a session limit or a size limit on TCP to {target}; quote the \
         offset"
    ));
    verdict.evidence.extend(evidence.seen());
    verdict
        .evidence
        .push(format!("it happened during: {}", operation.describe()));
    verdict.evidence.extend(evidence.others_work());
    Some(verdict)
}

/// Where the exchange stood, in bytes of payload each way.
fn place(stages: &[StageReport]) -> String {
    let confirmed: u64 = stages
        .iter()
        .map(|s| u64::from(s.up.confirmed.unwrap_or(0)))
        .sum();
    let asked: u64 = stages.iter().map(|s| u64::from(s.up.asked)).sum();
    let received: u64 = stages
        .iter()
        .map(|s| u64::from(s.down.received.unwrap_or(0)))
        .sum();
    let short_up = stages
        .iter()
        .any(|s| s.up.confirmed.is_some_and(|c| c < s.up.asked));
    if short_up {
        format!(
            "on the way to the server, after {confirmed} of {asked} payload bytes had arrived there"
        )
    } else if confirmed < asked {
        format!(
            "after the server had confirmed {confirmed} of {asked} payload bytes and {received} had come back; \
             which direction died is not known"
        )
    } else {
        format!("on the way from the server, after {received} payload bytes had come back")
    }
}
