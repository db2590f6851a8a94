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
    let syns = probe.syns_sent_again();
    let (up, down) = probe.sent_again().lost();
    let what = match (syns > 0, up + down > 0) {
        (false, false) => return None,
        (false, true) => "segments",
        (true, false) => "SYNs",
        (true, true) => "segments, SYNs among them,",
    };
    Some(
        Finding::new(
            FindingId::Loss,
            format!("{what} were lost and had to be sent again"),
        )
        .with_detail(format!("{} to the server, {down} from it", syns + up)),
    )
}
