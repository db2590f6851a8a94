//! `fwprobe merge`: makes one answer of the runs of many nodes.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use probe_documents::merge::{Merge, MergeDocument};
use probe_report::metrics::Exposition;

use super::delivery::{all_written, tell};
use crate::arguments::{Colour, MergeArguments};
use crate::report_files::Outputs;
use crate::report_format::ReportFormat;
use crate::watch::Textfile;
use crate::{run_files, terminal};

pub(super) fn execute(arguments: &MergeArguments, colour: Colour) -> anyhow::Result<u8> {
    if arguments.schema {
        terminal::print(&schema()?).context("standard output")?;
        return Ok(0);
    }
    let outputs = opened(arguments)?;
    let textfile = arguments.textfile.as_deref().map(Textfile::open);
    let textfile = textfile.transpose()?;
    let merged = merged(arguments)?;
    let mut text = Vec::new();
    let format = ReportFormat::BuiltIn(arguments.format);
    format.write_merge(&merged, terminal::look(colour), &mut text)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    let filled = outputs.write_merge(&merged);
    tell(&filled.written);
    if let Some(textfile) = textfile {
        textfile.replace(&Exposition::Classic.of_merge(&merged))?;
    }
    all_written(&filled.failed)?;
    Ok(merged.summary.exit_code)
}

/// Opens the files to write.
fn opened(arguments: &MergeArguments) -> anyhow::Result<Outputs> {
    let inputs = arguments.inputs.iter().chain(&arguments.earlier);
    let outputs = Outputs::open(&arguments.outputs)?.sparing(inputs.map(PathBuf::as_path))?;
    if let Some(folder) = outputs.folder() {
        let folder = folder.display();
        bail!("--output {folder} is a folder; name a file, such as site.html");
    }
    if let Some(path) = outputs.without_merge() {
        let path = path.display();
        bail!("--output {path}: expected table, json, html or csv: the other formats show one run");
    }
    Ok(outputs)
}

/// Reads all runs, and returns their answer.
fn merged(arguments: &MergeArguments) -> anyhow::Result<MergeDocument> {
    let later = read(&arguments.inputs)?;
    let changes = if arguments.earlier.is_empty() {
        None
    } else {
        Some(later.changes_since(&read(&arguments.earlier)?))
    };
    let merged = later.merged(arguments.expect_nodes.as_ref());
    Ok(MergeDocument { changes, ..merged })
}

fn read(inputs: &[PathBuf]) -> anyhow::Result<Merge> {
    let files = run_files::listed(inputs)?;
    let mut merge = Merge::default();
    run_files::read(&files, &mut |source, run| match run {
        Ok(document) => merge.add(source, &document),
        Err(refused) => merge.leave_out(source, refused.kind, &refused.to_string()),
    });
    if merge.is_empty() {
        let inputs: Vec<String> = inputs.iter().map(|i| i.display().to_string()).collect();
        let inputs = inputs.join(", ");
        bail!("no run in {inputs}; expected files that `--output run.json` wrote");
    }
    Ok(merge)
}

fn schema() -> anyhow::Result<String> {
    let schema = schemars::schema_for!(MergeDocument);
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema)?))
}
