//! `fwprobe diff`: says what changed between two saved runs.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use probe_documents::RunDocument;
use probe_documents::diff::{Diff, TimeSamples};
use probe_documents::history::Series;

use super::delivery::{all_written, tell};
use crate::arguments::{Colour, DiffArguments};
use crate::report_files::Outputs;
use crate::report_format::ReportFormat;
use crate::saved_run::load;
use crate::signed_url::path_without_secrets;
use crate::{run_folder, terminal};

pub(super) fn execute(arguments: &DiffArguments, colour: Colour) -> anyhow::Result<u8> {
    let inputs = [arguments.before.as_path(), &arguments.after];
    let outputs = Outputs::open(&arguments.outputs)?.sparing(inputs)?;
    if let Some(folder) = outputs.folder() {
        let folder = path_without_secrets(folder);
        bail!("--output {folder} is a folder; name a file, such as changes.md");
    }
    if let Some(path) = outputs.without_diff() {
        let path = path_without_secrets(path);
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
    let filled = outputs.write_diff(&diff, &after.newest);
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
        Self::of_folder(path)
    }

    /// Reads each run of the folder once: a folder may hold more than fits into memory.
    fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut newest: Option<(Option<Timestamp>, RunDocument)> = None;
        let mut times: BTreeMap<Series, TimeSamples> = BTreeMap::new();
        for (_, document) in run_folder::runs(folder)? {
            if document.run.complete {
                let series = times.entry(Series::of(&document));
                series.or_default().add(&document);
            }
            let began = document.run.started.parse().ok();
            if newest.as_ref().is_none_or(|(known, _)| *known <= began) {
                newest = Some((began, document));
            }
        }
        let (_, newest) = newest.with_context(|| run_folder::empty(folder))?;
        Ok(Self {
            times: Some(times.remove(&Series::of(&newest)).unwrap_or_default()),
            newest,
        })
    }
}
