//! Writes the addresses that the cloud side must allow, with their ports and paths or in one line.

use std::io::{self, Write};

use super::columns::shortened;
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

/// Writes the addresses alone, as many as one line has room for.
pub(super) fn in_line(rows: &[EgressRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut addresses: Vec<String> = Vec::new();
    for row in rows {
        let from = row.from.to_string();
        if !addresses.contains(&from) {
            addresses.push(from);
        }
    }
    if addresses.is_empty() {
        return Ok(());
    }
    let label = "allow: ";
    // A paragraph is indented by two columns.
    let room = usize::from(look.width.clamp(40, 100)) - label.len() - 2;
    let text = format!("on the cloud side, {}", listed(&addresses, ", "));
    paragraph(out, look, label, &shortened(&text, room))
}
