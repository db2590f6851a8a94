//! Turns evidence into a verdict. Pure: the same evidence gives the same verdict, whether it was read from the network
//! or from a saved run.
//!
//! Causes are tried in stages (`cause.rs`), in the order in which their evidence decides: first the server's testimony,
//! then direct proof that something else acted, then variations. If no cause applies, the verdict says that the
//! evidence does not decide.

use crate::verdict::Verdict;

mod broken_off;
mod cause;
mod compared;
mod ecn;
mod ending;
mod evidence;
mod expected;
mod findings;
mod hello;
mod icmp;
mod loss_point;
mod other_address;
mod place;
mod reopened;
mod run;
mod slowness;
mod taken;
mod words;

pub use ending::Ending;
pub use evidence::{Evidence, Refusal, Siblings};
pub use expected::{Fulfilment, Outcome};
pub use findings::findings;
pub use run::{ProbeJudgement, RunEvidence, judge_all};

/// Returns the verdict for one probe.
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    #[cfg(test)]
    scale::judged();
    #[cfg(test)]
    if let Some(verdict) = order::with_a_stage_reversed(evidence) {
        return verdict;
    }
    cause::STAGES
        .iter()
        .flat_map(|(_, causes)| *causes)
        .find_map(|cause| cause(evidence))
        .unwrap_or_else(|| cause::inconclusive(evidence))
}

#[cfg(test)]
mod order;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod tests;
