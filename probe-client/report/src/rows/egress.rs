//! One row per set of addresses that the cloud side must allow: the source addresses of the sessions, as the server saw
//! them.

use std::net::IpAddr;

use probe_documents::RunDocument;
use probe_documents::egress::Egress;
use serde::Serialize;

/// Connections that the cloud side must allow.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EgressRow {
    /// The source address, as the server saw it.
    pub from: IpAddr,
    /// Destination ports.
    pub ports: Vec<u16>,
    pub paths: Vec<String>,
}

/// Returns the addresses to allow, unless they are obvious: they are not if a session went through a
/// proxy, or if an address was translated.
pub(super) fn rows(document: &RunDocument) -> Vec<EgressRow> {
    if is_obvious(document) {
        return Vec::new();
    }
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
    let mut rows: Vec<EgressRow> = Vec::new();
    for (from, path, ports) in groups {
        match rows
            .iter_mut()
            .find(|row| row.from == from && row.ports == ports)
        {
            Some(row) => row.paths.push(path),
            None => rows.push(EgressRow {
                from,
                ports,
                paths: vec![path],
            }),
        }
    }
    rows
}

/// Returns whether every session was direct and came from an address of this host.
fn is_obvious(document: &RunDocument) -> bool {
    document.probes.iter().map(|p| &p.measurement).all(|m| {
        let seen = m.session.as_ref().and_then(|s| s.testimony.as_ref()?.peer);
        let own = m.local.map(|l| l.ip().to_canonical());
        m.path.is_direct() && seen.is_none_or(|s| Some(s.ip()) == own)
    })
}
