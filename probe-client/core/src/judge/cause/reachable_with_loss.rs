//! `reachable-with-loss`: sessions run whole, but not always.

use crate::judge::evidence::Evidence;
use crate::verdict::Verdict;

mod by_flow;
pub(in crate::judge) mod lossy;
pub(super) mod recovered;

/// Judges a port through which some connections pass and others do not. A fault by source port comes first, because it
/// says which connections fail.
pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    by_flow::judge(evidence).or_else(|| lossy::judge(evidence))
}
