//! Judges what a run has measured so far, for the rows that a terminal shows during the run. More evidence may change
//! these rows; the report that replaces them rests on all evidence.

use probe_core::measurement::Measurement;
use probe_documents::{Host, RunDocument};
use probe_report::rows::{self, PortRow};

use super::{Evidence, Run, ServerRun};
use crate::progress::Progress;

/// Shows all rows of all servers.
pub(super) fn show_all(run: &Run, servers: &[ServerRun], progress: &Progress) {
    for (index, server) in servers.iter().enumerate() {
        let result = &server.result;
        progress.of_server(index).show(|| {
            let evidence = Evidence {
                measurements: result.probes.clone(),
                reference_probes: vec![result.reference_probe.clone()],
                controls: vec![result.control.clone()],
            };
            judged(run, evidence, |_| true)
        });
    }
}

/// Returns the rows of the measurements that are `decided`, judged by the evidence of their server alone.
pub(super) fn judged(
    run: &Run,
    evidence: Evidence,
    decided: impl Fn(&Measurement) -> bool,
) -> Vec<PortRow> {
    let host = Host {
        addresses: socket_facts::local_addresses().unwrap_or_default(),
        ..Host::default()
    };
    let mut document: RunDocument = run.concluded(evidence, host, jiff::Timestamp::now());
    document.probes.retain(|probe| decided(&probe.measurement));
    rows::ports(&document)
}
