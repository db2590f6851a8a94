//! Keeps what a run measured, so that it can be judged again where no lab can be built.

use std::path::PathBuf;

use anyhow::Context as _;
use probe_core::catalogue::VerdictId;
use probe_core::document::RunDocument;
use probe_core::judge::judge_again;
use serde::Serialize as _;
use serde_json::Serializer;
use serde_json::ser::PrettyFormatter;

use crate::Run;

/// Writes the run as `lab-NAME.json` into the folder that [`FOLDER`] names, if it is set.
pub(super) fn keep(run: &Run, name: &str) -> anyhow::Result<()> {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return Ok(());
    };
    let document = short(anonymous(run.document()?.clone()));
    let mut json = Vec::new();
    let format = PrettyFormatter::with_indent(b" ");
    document.serialize(&mut Serializer::with_formatter(&mut json, format))?;
    json.push(b'\n');
    let file = PathBuf::from(folder).join(format!("lab-{name}.json"));
    std::fs::write(&file, json).with_context(|| file.display().to_string())
}

/// Without this machine's name and user.
fn anonymous(mut document: RunDocument) -> RunDocument {
    document.host.name = Some("headnode".to_owned());
    document.host.user = Some("hpcadmin".to_owned());
    document.host.executable = Some("/usr/bin/fwprobe".to_owned());
    document.host.system = Some("Linux".to_owned());
    document
}

/// Without probes that say no more than another: of those that are simply reachable one is enough, as
/// long as it changes nothing about the others.
fn short(document: RunDocument) -> RunDocument {
    let mut shorter = document.clone();
    let mut one_is_there = false;
    shorter.probes.retain(|probe| {
        let plain = probe.verdict.id == VerdictId::Reachable;
        let spare = plain && one_is_there;
        one_is_there |= plain;
        !spare
    });
    let verdicts = |document: &RunDocument| -> Vec<_> {
        let again = judge_again(document.clone());
        let unlike = again.probes.into_iter();
        unlike
            .map(|probe| (probe.verdict.id, probe.verdict.segment))
            .filter(|(id, _)| *id != VerdictId::Reachable)
            .collect()
    };
    if verdicts(&shorter) == verdicts(&document) {
        judge_again(shorter)
    } else {
        document
    }
}

/// Where to, relative to the folder of the tests' own package.
const FOLDER: &str = "FWPROBE_LAB_RECORD";
