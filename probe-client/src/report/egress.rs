//! Writes the addresses that the cloud side must allow: where the sessions came from, as the server saw it.

use std::io::{self, Write};
use std::net::IpAddr;

use probe_core::document::RunDocument;
use probe_core::egress::Egress;

use super::paint::{Look, Tone, paragraph};

/// Writes these addresses if they are not obvious: through proxies, or if addresses are translated.
pub(super) fn write(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let plain = document.probes.iter().map(|p| &p.measurement).all(|m| {
        let seen = m.session.as_ref().and_then(|s| s.testimony.as_ref()?.peer);
        let own = m.local.map(|l| l.ip().to_canonical());
        m.path.is_direct() && seen.is_none_or(|s| Some(s.ip()) == own)
    });
    if plain || document.egress.is_empty() {
        return Ok(());
    }
    let title = "To be allowed on the cloud side (addresses as the server saw them)";
    writeln!(out, "\n{}", look.paint(Tone::Heading, title))?;
    let mut groups: Vec<(IpAddr, String, Vec<u16>)> = Vec::new();
    for Egress {
        path, port, seen, ..
    } in &document.egress
    {
        let (from, path) = (seen.ip(), path.to_string());
        match groups
            .iter_mut()
            .find(|(ip, p, _)| *ip == from && *p == path)
        {
            Some((_, _, ports)) if ports.contains(port) => {}
            Some((_, _, ports)) => ports.push(*port),
            None => groups.push((from, path, vec![*port])),
        }
    }
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for (from, path, ports) in groups {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        let line = format!("from {from} to TCP {}", ports.join(", "));
        match lines.iter_mut().find(|(l, _)| *l == line) {
            Some((_, paths)) => paths.push(path),
            None => lines.push((line, vec![path])),
        }
    }
    for (line, paths) in lines {
        paragraph(out, look, "", &line)?;
        let path = paths.join(", ");
        writeln!(
            out,
            "    {}",
            look.paint(Tone::Faint, &format!("path {path}"))
        )?;
    }
    Ok(())
}
