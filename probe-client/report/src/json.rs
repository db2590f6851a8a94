//! Writes the run document itself as JSON.

use std::io::{self, Write};

use probe_core::document::RunDocument;

pub(super) fn write(document: &RunDocument, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}
