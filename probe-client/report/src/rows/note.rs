//! One row per distinct finding.

use probe_core::verdict::Finding;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::failure::ports;

/// A finding with the ports that it is about.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NoteRow {
    /// The finding's id.
    pub id: &'static str,
    pub title: &'static str,
    /// The ports with their session kinds: `443/https, 5901/nettcp`.
    pub ports: String,
    pub claim: String,
    /// The figures, if only one probe has this finding.
    pub detail: Option<String>,
}

/// Returns one row per distinct claim.
pub(super) fn rows(document: &RunDocument) -> Vec<NoteRow> {
    let mut all: Vec<&Finding> = Vec::new();
    for finding in document.probes.iter().flat_map(|p| &p.findings) {
        if !all.iter().any(|f| same(f, finding)) {
            all.push(finding);
        }
    }
    let row = |finding: &&Finding| {
        let has = |p: &&Probe| p.findings.iter().any(|f| same(f, finding));
        let alone = alone(document, finding);
        NoteRow {
            id: finding.id.name(),
            title: finding.id.entry().title,
            ports: ports(document.probes.iter().filter(has)),
            claim: finding.claim.clone(),
            detail: finding.detail.clone().filter(|_| alone),
        }
    };
    all.iter().map(row).collect()
}

fn same(one: &Finding, other: &Finding) -> bool {
    (one.id, &one.claim) == (other.id, &other.claim)
}

/// Returns whether only one probe has this finding, so that its figures apply to the whole report.
fn alone(document: &RunDocument, finding: &Finding) -> bool {
    let all = document.probes.iter().flat_map(|p| &p.findings);
    all.filter(|f| f.id == finding.id).count() == 1
}
