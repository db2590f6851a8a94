//! `reachable`: greeting, testimony and exchange verified, all of it.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Complete(testimony) = evidence.ending() else {
        return None;
    };
    let session = evidence.session()?;
    let whole = !session.stages.is_empty()
        && session.farewell.is_some()
        && session.stages.iter().all(|stage| {
            stage.up.complete
                && stage.down.complete
                && stage.up.digest_matches == Some(true)
                && stage.up.altered_at.is_none()
                && stage.down.altered_at.is_none()
        });
    if !whole {
        return None;
    }
    let up: u64 = session.stages.iter().map(|s| u64::from(s.up.asked)).sum();
    let down: u64 = session.stages.iter().map(|s| u64::from(s.down.asked)).sum();
    let kind = evidence.probe.rule.session;
    Some(
        Verdict::new(
            VerdictId::Reachable,
            Segment::None,
            Confidence::High,
            format!(
                "the echo server proved itself on {} in the shape of {kind}, and {up} bytes there and {down} bytes back \
                 arrived unaltered",
                evidence.target()
            ),
        )
        .because(format!("testimony of instance {}", testimony.instance)),
    )
}
