//! Reports of a run. [`Report`] derives rows from the run document once; each format writes these rows and reads
//! nothing else. The crate is pure: it uses no socket, clock or file.

use std::io::{self, Write};

use probe_documents::RunDocument;

mod csv;
mod diff;
mod duration;
mod explanation;
mod fact;
mod failed_run;
mod firewall_request;
pub mod format;
pub mod history;
mod hpc_step_result;
mod html;
mod json;
mod junit;
mod markdown;
mod merge;
pub mod metrics;
#[cfg(test)]
mod recorded;
pub mod rows;
pub mod status_page;
mod template;
mod templating;
mod text;
pub mod xml;

pub use failed_run::FailedRun;
pub use format::{FORMATS, Format};
pub use rows::{Report, conclusion};
pub use template::{Template, TemplateError};
pub use text::{Look, check_table, folding, rows_so_far};

/// Writes `document` in `format`.
///
/// # Errors
///
/// Writing to `out` failed.
pub fn write(
    format: &Format,
    document: &RunDocument,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format.writer {
        format::Writer::Document(write) => write(document, out),
        format::Writer::Rows(write) => write(&Report::of(document), out),
        format::Writer::Text(write) => write(&Report::of(document), look, out),
    }
}
