//! `inconclusive`: the run was ended before the probe was measured.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Interrupted = evidence.ending() else {
        return None;
    };
    let claim = format!(
        "the run was ended before {} was measured",
        evidence.target()
    );
    Some(
        Verdict::new(
            VerdictId::Inconclusive,
            Segment::Unknown,
            Confidence::High,
            claim,
        )
        .next("run it again to the end"),
    )
}
