//! `fwprobe merge`: makes one answer of the runs of many nodes.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use probe_core::words::counted;
use probe_documents::merge::{Merge, MergeDocument};
use probe_report::metrics::Exposition;

use super::delivery::{all_written, tell};
use crate::arguments::{Colour, MergeArguments};
use crate::report_files::Outputs;
use crate::report_format::ReportFormat;
use crate::signed_url::path_without_secrets;
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
    let outputs = match Outputs::open(&arguments.outputs) {
        Ok(outputs) => outputs.sparing(inputs.map(PathBuf::as_path))?,
        Err(error) => match error.without_format() {
            Some(shown) => return Err(not_a_format(&shown)),
            None => return Err(error.into()),
        },
    };
    if let Some(folder) = outputs.folder() {
        let folder = path_without_secrets(folder);
        bail!("--output {folder} is a folder; name a file, such as site.html");
    }
    if let Some(path) = outputs.without_merge() {
        let path = path_without_secrets(path);
        return Err(not_a_format(&path));
    }
    Ok(outputs)
}

/// Returns the error for a file in a format that has no form for many nodes.
fn not_a_format(shown: &str) -> anyhow::Error {
    anyhow!(
        "--output {shown}: expected table, json, html or csv, by the ending or as FORMAT=FILE: the \
         other formats show one run"
    )
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
    run_files::read(files, &mut |source, run| match run {
        Ok(run) => merge.add(source, &run),
        Err(refused) => merge.leave_out(source, refused.kind, &refused.to_string()),
    });
    if merge.is_empty() {
        let inputs: Vec<String> = inputs.iter().map(|i| i.display().to_string()).collect();
        let inputs = inputs.join(", ");
        let told = format!("no run in {inputs}; expected files that `--output run.json` wrote");
        let unread = merge.unread();
        let named = unread.named.iter().map(|file| file.because.clone());
        let mut lines: Vec<String> = std::iter::once(told).chain(named).collect();
        let more = unread.count.saturating_sub(unread.named.len());
        if more > 0 {
            lines.push(format!("and {}", counted(more, "more file")));
        }
        bail!("{}", lines.join("\n"));
    }
    Ok(merge)
}

fn schema() -> anyhow::Result<String> {
    let schema = schemars::schema_for!(MergeDocument);
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema)?))
}
