//! `loss`: segments were lost and sent again.

use super::super::cause::lossy;
use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::observation::FailureKind;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let probe = evidence.probe;
    testimony(probe)?;
    // Losses that recur in fresh sessions have a verdict of their own.
    if lossy(evidence).is_some() {
        return None;
    }
    // Segments that a session sent again just before the user ended it may have been under way, not lost.
    if probe
        .failure()
        .is_some_and(|(_, failure)| failure.kind == FailureKind::Interrupted)
    {
        return None;
    }
    let (segments_up, down) = probe.sent_again().lost();
    let up = probe.syns_sent_again() + segments_up;
    (up + down > 0).then(|| {
        Finding::new(
            FindingId::Loss,
            "segments were lost and had to be sent again",
        )
        .with_detail(format!("{up} to the server, {down} from it"))
    })
}
