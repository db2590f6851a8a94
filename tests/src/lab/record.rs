//! Keeps what a run measured as a replay record, so that it can be judged again without a lab.

use std::path::PathBuf;

use anyhow::Context as _;
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::measurement::Measurement;
use probe_core::plan::Silence;
use probe_core::verdict::Segment;
use probe_documents::{Probe, RunDocument, judge_again};

use crate::Run;

/// Writes the run into the file `name` of the folder that [`FOLDER`] names, if that variable is set.
pub(super) fn keep(run: &Run, name: &str) -> anyhow::Result<()> {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return Ok(());
    };
    let document = bare(short(anonymous(run.document()?.clone())));
    let mut json = serde_json::to_vec(&document)?;
    json.push(b'\n');
    let file = PathBuf::from(folder).join(name);
    std::fs::write(&file, json).with_context(|| file.display().to_string())
}

/// Removes the name and the user of this machine.
fn anonymous(mut document: RunDocument) -> RunDocument {
    document.host.name = Some("headnode".to_owned());
    document.host.user = Some("hpcadmin".to_owned());
    document.host.executable = Some("/usr/bin/fwprobe".to_owned());
    document.host.system = Some("Linux".to_owned());
    document
}

/// Removes each probe with the same result as an earlier one, unless this changes the result of another probe or the
/// exit code.
fn short(document: RunDocument) -> RunDocument {
    let mut kept = judge_again(document);
    for index in (1..kept.probes.len()).rev() {
        let own = said(&kept.probes[index]);
        if !kept.probes[..index].iter().any(|probe| said(probe) == own) {
            continue;
        }
        let mut others: Vec<ReplayAnswer> = kept.probes.iter().map(said).collect();
        others.remove(index);
        let mut shorter = kept.clone();
        shorter.probes.remove(index);
        let shorter = judge_again(shorter);
        let as_before = shorter.probes.iter().map(said).eq(others);
        if as_before && shorter.summary.exit_code == kept.summary.exit_code {
            kept = shorter;
        }
    }
    kept
}

/// Removes everything that the judge does not use.
fn bare(mut document: RunDocument) -> RunDocument {
    document.checks.clear();
    for probe in &mut document.probes {
        probe.verdict.evidence.clear();
        probe.verdict.next_step = None;
        for comparison in &mut probe.measurement.variations {
            without_course(&mut comparison.measurement);
        }
        without_course(&mut probe.measurement);
    }
    document
        .reference_probes
        .iter_mut()
        .for_each(without_course);
    document
}

/// Removes the course of the session, which the observations contain already.
fn without_course(measurement: &mut Measurement) {
    if let Some(session) = &mut measurement.session {
        session.phases.clear();
        session.first_sent.clear();
    }
}

type ReplayAnswer = (VerdictId, Segment, Vec<FindingId>, Option<Silence>);

fn said(probe: &Probe) -> ReplayAnswer {
    let findings = probe.findings.iter().map(|finding| finding.id).collect();
    let (verdict, silence) = (&probe.verdict, probe.measurement.silence);
    (verdict.id, verdict.segment.clone(), findings, silence)
}

/// The environment variable with the folder for the records, an absolute path.
const FOLDER: &str = "FWPROBE_LAB_RECORD";
