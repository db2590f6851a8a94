//! Writes the addresses that the cloud side must allow.

use std::io::{self, Write};

use super::paint::{Look, Tone, paragraph};
use crate::rows::{EgressRow, listed};

pub(super) fn write(rows: &[EgressRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let title = "For allow lists on the cloud side (addresses as the server saw them)";
    writeln!(out, "\n{}", look.paint(Tone::Heading, title))?;
    for row in rows {
        let ports: Vec<String> = row.ports.iter().map(ToString::to_string).collect();
        let line = format!("from {} to TCP {}", row.from, listed(&ports, ", "));
        paragraph(out, look, "", &line)?;
        let paths = format!("path {}", row.paths.join(", "));
        writeln!(out, "    {}", look.paint(Tone::Faint, &paths))?;
    }
    Ok(())
}
