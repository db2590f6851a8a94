//! `fwprobe report`: prints a saved run in another form, or the schema of the document.

use std::path::Path;

use anyhow::{Context as _, bail};
use probe_core::document::{DOCUMENT, RunDocument};

use super::run::deliver;
use crate::arguments::{Colour, ReportArguments};
use crate::report_files::Outputs;
use crate::{given_file, terminal};

pub(super) fn execute(arguments: &ReportArguments, colour: Colour) -> anyhow::Result<u8> {
    if arguments.schema {
        terminal::print(&schema()?).context("standard output")?;
        return Ok(0);
    }
    let Some(path) = &arguments.run else {
        bail!("name the file of a saved run");
    };
    let document = load(path)?;
    let outputs = Outputs::open(&arguments.reports.outputs)?;
    // A user who names only files does not need the table as well.
    if arguments.reports.format.is_none() && !arguments.reports.outputs.is_empty() {
        for path in outputs.write(&document)? {
            terminal::tell(&format!("written: {}", path.display()));
        }
        return Ok(0);
    }
    deliver(&document, &arguments.reports, outputs, colour)?;
    Ok(0)
}

/// Reads a saved run.
pub(super) fn load(path: &Path) -> anyhow::Result<RunDocument> {
    let shown = path.display();
    let text =
        given_file::text(path, MAX_BYTES).with_context(|| format!("{shown} cannot be read"))?;
    let document: RunDocument = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is no document of the form {DOCUMENT}"))?;
    if document.document != DOCUMENT {
        bail!(
            "{shown} is a `{}`; this version reads `{DOCUMENT}`",
            document.document
        );
    }
    let compared = document
        .probes
        .iter()
        .map(|p| p.measurement.variations.len());
    if compared.max().is_some_and(|most| most > MAX_COMPARISONS) {
        bail!(
            "{shown} has more than {MAX_COMPARISONS} sessions beside one probe: no run writes that"
        );
    }
    Ok(document)
}

/// Maximum size of a saved run in bytes. The largest plan, with every session that a run adds, makes a document of a
/// tenth of that.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Maximum number of variations of one probe; a run has about twenty.
const MAX_COMPARISONS: usize = 256;

fn schema() -> anyhow::Result<String> {
    let schema = schemars::schema_for!(RunDocument);
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema)?))
}
