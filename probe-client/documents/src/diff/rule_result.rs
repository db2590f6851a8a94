//! The parts of a run's result that a comparison shows.

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::verdict::Segment;
use serde::Serialize;

use crate::Probe;

/// The result of one run for one rule, path and family.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RuleResult {
    pub outcome: Outcome,
    pub verdict: VerdictId,
    pub segment: Segment,
    pub claim: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    pub time_us: u64,
}

impl RuleResult {
    pub(super) fn of(probe: &Probe) -> Self {
        Self {
            outcome: probe.outcome,
            verdict: probe.verdict.id,
            segment: probe.verdict.segment.clone(),
            claim: probe.verdict.claim.clone(),
            next_step: probe.verdict.next_step.clone(),
            time_us: probe.timings.total_us,
        }
    }
}
