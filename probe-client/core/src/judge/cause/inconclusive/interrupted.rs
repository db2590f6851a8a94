//! `inconclusive`: the run was ended before the probe was measured.

use crate::catalogue::VerdictId;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::verdict::{Confidence, Segment, Verdict};

pub(in crate::judge::cause) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
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
