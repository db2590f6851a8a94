//! One of the two hosts was too slow for the other: nothing between them is to blame, and no comparison
//! with sessions that came through at another moment tells anything.

use super::super::evidence::Evidence;
use super::inconclusive;
use crate::verdict::Verdict;

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    evidence
        .given_up_by_server()
        .then(|| inconclusive::judge(evidence))
}
