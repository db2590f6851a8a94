//! Reporters: each reads only the run document and writes to any byte writer.

use std::io::{self, Write};

use probe_core::document::RunDocument;

use crate::arguments::ReportFormat;
use hpc_step_result::Scope;

mod checks;
mod columns;
mod details;
mod egress;
mod hpc_step_result;
mod idle;
mod json;
mod matrix;
mod output;
mod paint;
mod table;

pub(crate) use checks::check_table;
pub(crate) use output::Outputs;
pub(crate) use paint::Look;

/// Returns the step result of a run that could not be carried out, for HPC Cluster Manager; empty for other formats.
pub(crate) fn failed_step(format: ReportFormat, why: &str) -> String {
    let scope = match format {
        ReportFormat::HpcStepResult => Scope::Node,
        ReportFormat::HpcStepSummary => Scope::Summary,
        ReportFormat::Table | ReportFormat::Json => return String::new(),
    };
    let mut out = Vec::new();
    // Writing to a vector cannot fail.
    let _ = hpc_step_result::write_failure(scope, why, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes `document` in `format`.
///
/// # Errors
///
/// Writing to `out` failed.
pub(crate) fn write(
    format: ReportFormat,
    document: &RunDocument,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Table => table::write(document, look, out),
        ReportFormat::Json => json::write(document, out),
        ReportFormat::HpcStepResult => hpc_step_result::write(document, Scope::Node, out),
        ReportFormat::HpcStepSummary => hpc_step_result::write(document, Scope::Summary, out),
    }
}
