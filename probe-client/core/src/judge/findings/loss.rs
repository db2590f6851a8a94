//! `loss`: segments had to be sent again.

use super::super::cause::lossy;
use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    // What came back in fresh sessions is a verdict.
    if lossy(evidence).is_some() {
        return None;
    }
    let ours = evidence.probe.transport.and_then(|t| t.retransmissions);
    let theirs = evidence
        .session()
        .and_then(|s| s.farewell)
        .and_then(|f| f.retransmissions);
    let (up, down) = (ours.unwrap_or(0), theirs.unwrap_or(0));
    (up + down > 0).then(|| {
        Finding::new(
            FindingId::Loss,
            "segments were lost and had to be sent again",
        )
        .with_detail(format!("{up} to the server, {down} from it"))
    })
}
