//! `fwprobe diff`: says what changed between two saved runs.

use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use probe_documents::RunDocument;
use probe_documents::diff::{Diff, TimeSamples};

use super::delivery::{all_written, tell};
use super::run_folder;
use crate::arguments::{Colour, DiffArguments};
use crate::report_files::Outputs;
use crate::report_format::ReportFormat;
use crate::saved_run::load;
use crate::terminal;

pub(super) fn execute(arguments: &DiffArguments, colour: Colour) -> anyhow::Result<u8> {
    let outputs = Outputs::open(&arguments.outputs)?;
    if let Some(path) = outputs.without_diff() {
        let path = path.display();
        bail!(
            "--output {path}: expected table, json, markdown or junit: the other formats show one \
             run"
        );
    }
    let before = Side::read(&arguments.before)?;
    let after = Side::read(&arguments.after)?;
    let mut diff = Diff::between(&before.newest, &after.newest);
    if let (Some(before), Some(after)) = (&before.times, &after.times) {
        diff = diff.with_times(before, after);
    }
    let mut text = Vec::new();
    let format = ReportFormat::BuiltIn(arguments.format);
    format.write_diff(&diff, terminal::look(colour), &mut text)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    let filled = outputs.write_diff(&diff);
    tell(&filled.written);
    all_written(&filled.failed)?;
    Ok(diff.exit_code())
}

/// One side of the comparison.
struct Side {
    newest: RunDocument,
    /// The times of all runs like the newest one, if this side is a folder.
    times: Option<TimeSamples>,
}

impl Side {
    fn read(path: &Path) -> anyhow::Result<Self> {
        if !path.is_dir() {
            return Ok(Self {
                newest: load(path)?,
                times: None,
            });
        }
        let newest = newest(path)?;
        let mut times = TimeSamples::default();
        for (_, document) in run_folder::runs(path, |_| ())?.filter(|(_, d)| alike(d, &newest)) {
            times.add(&document);
        }
        Ok(Self {
            newest,
            times: Some(times),
        })
    }
}

fn newest(folder: &Path) -> anyhow::Result<RunDocument> {
    let began = |document: &RunDocument| document.run.started.parse::<Timestamp>().ok();
    let all = run_folder::runs(folder, run_folder::tell)?.map(|(_, document)| document);
    let newest = all.max_by_key(began);
    newest.with_context(|| {
        let folder = folder.display();
        format!("{folder} contains no run; expected files that `--output run.json` wrote")
    })
}

/// Returns whether the times of two runs belong together.
fn alike(document: &RunDocument, newest: &RunDocument) -> bool {
    let what = |d: &RunDocument| {
        (
            d.run.profile.clone(),
            d.host.name.clone(),
            d.server.hosts.clone(),
        )
    };
    document.run.complete && what(document) == what(newest)
}
