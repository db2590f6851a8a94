//! `fwprobe report`: prints a saved run in another form, or the schema of the document.

use anyhow::{Context as _, bail};
use probe_documents::RunDocument;

use super::delivery::Delivery;
use crate::arguments::{Colour, ReportArguments};
use crate::{saved_run, terminal};

pub(super) fn execute(arguments: &ReportArguments, colour: Colour) -> anyhow::Result<u8> {
    if arguments.schema {
        terminal::print(&schema()?).context("standard output")?;
        return Ok(0);
    }
    let Some(path) = &arguments.run else {
        bail!("name the file of a saved run");
    };
    let document = saved_run::load(path)?;
    let delivery = Delivery::open(&arguments.reports, &[path])?;
    // A user who names only files does not need the table as well.
    if delivery.is_files_alone() {
        delivery.write_files(&document)?;
        return Ok(0);
    }
    delivery.deliver(&document, colour)?;
    Ok(0)
}

fn schema() -> anyhow::Result<String> {
    let schema = schemars::schema_for!(RunDocument);
    Ok(format!("{}\n", serde_json::to_string_pretty(&schema)?))
}
