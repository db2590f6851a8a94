//! `slow-path`: the session was verified, and the path to the server is slow.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use super::super::slowness;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    testimony(evidence.probe)?;
    let slowness = slowness::of(evidence.probe)?;
    Some(
        Finding::new(FindingId::SlowPath, "the way to the server is slow")
            .with_detail(slowness.describe()),
    )
}
