//! The verdict of one probe in words, as rows of several kinds contain it.

use probe_documents::traffic::in_logs;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::segment_name::segment_name;

/// A verdict in words. Templates see these fields as fields of the row that contains them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct VerdictWords {
    /// The verdict's id; templates call it `verdict`.
    #[serde(rename = "verdict")]
    pub id: &'static str,
    /// The kind of segment that the verdict blames.
    pub segment: &'static str,
    /// The segment with its hop and address.
    pub place: String,
    /// The confidence: `low`, `medium` or `high`.
    pub confidence: &'static str,
    pub claim: String,
    pub next_step: Option<String>,
    /// The evidence, a fact in each text; empty if the saved run contains none.
    pub evidence: Vec<String>,
    /// The traffic to look for in the logs of devices on the path; `None` if the probe needs no explanation.
    pub logs: Option<String>,
}

impl VerdictWords {
    pub(super) fn of(document: &RunDocument, probe: &Probe) -> Self {
        let verdict = &probe.verdict;
        let logs = || in_logs(document, &[probe]);
        Self {
            id: verdict.id.name(),
            segment: segment_name(&verdict.segment),
            place: verdict.segment.to_string(),
            confidence: verdict.confidence.name(),
            claim: verdict.claim.clone(),
            next_step: verdict.next_step.clone(),
            evidence: verdict.evidence.clone(),
            logs: probe.needs_a_word().then(logs).flatten(),
        }
    }
}
