//! The addresses of a connection, as this host, the server and the devices between them see them.

use std::net::IpAddr;

use probe_core::control_record::{ControlRecord, ListenerState};
use probe_core::measurement::{Measurement, source_address};
use probe_documents::RunDocument;

/// The address from which the server saw this host, over one path.
pub(super) struct SeenSource {
    pub(super) address: IpAddr,
    /// The ports on which the server saw that address.
    ports: Vec<u16>,
}

impl SeenSource {
    /// Returns the address over the path of `measurement`, if all sessions over that path agree.
    pub(super) fn of(document: &RunDocument, measurement: &Measurement) -> Option<Self> {
        let family = |ip: IpAddr| {
            let server = measurement.server();
            server.is_none_or(|server| server.is_ipv4() == ip.is_ipv4())
        };
        let mut seen: Option<Self> = None;
        for m in measurements(document) {
            let same = m.path == measurement.path && m.host == measurement.host;
            let testimony = m.session.as_ref().and_then(|s| s.testimony.as_ref());
            let Some(peer) = testimony.and_then(|t| t.peer).filter(|_| same) else {
                continue;
            };
            let (address, port) = (peer.ip().to_canonical(), m.port_dialled());
            match &mut seen {
                _ if !family(address) => {}
                None => {
                    seen = Some(Self {
                        address,
                        ports: vec![port],
                    });
                }
                Some(known) if known.address != address => return None,
                Some(known) if known.ports.contains(&port) => {}
                Some(known) => known.ports.push(port),
            }
        }
        seen
    }

    /// Returns in words how the address is known.
    pub(super) fn words(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        let plural = if ports.len() == 1 { "" } else { "s" };
        format!("as the server saw it on port{plural} {}", ports.join(", "))
    }
}

/// Returns this host's address, if it is known.
pub(super) fn own(document: &RunDocument, measurement: &Measurement) -> Option<IpAddr> {
    let same = measurements(document).filter(|m| m.same_server(measurement));
    source_address(measurement, same, &document.host.addresses)
}

/// Returns the address on which the server's host accepted sessions to the same server. It is not the dialled
/// one if the cloud translates addresses.
pub(super) fn accepted_at(document: &RunDocument, measurement: &Measurement) -> Option<IpAddr> {
    let mut all = measurements(document).filter(|m| m.same_server(measurement));
    all.find_map(|m| {
        let testimony = m.session.as_ref()?.testimony.as_ref()?;
        Some(testimony.local?.ip().to_canonical())
    })
}

/// Returns the port on which the server's own host accepts the connections to the port of
/// `measurement`, if that is known. The two differ if ports are translated on the way (`--map`, or a
/// port of the server with another number for clients).
pub(super) fn port_on_server(document: &RunDocument, measurement: &Measurement) -> Option<u16> {
    let dialled = measurement.port_dialled();
    let same = |m: &&Measurement| m.host == measurement.host && m.port_dialled() == dialled;
    let accepted = measurements(document).filter(same).find_map(|m| {
        let testimony = m.session.as_ref()?.testimony.as_ref()?;
        Some(testimony.local?.port())
    });
    let controls = document.server.controls.iter();
    let instances = controls
        .filter(|record| record.is_of(measurement))
        .flat_map(ControlRecord::instances);
    let mut listeners = instances.flat_map(|instance| &instance.listeners);
    let stated = || {
        let of = |l: &&ListenerState| {
            let port = l.public_port.unwrap_or_else(|| l.address.port());
            l.bound && measurement.ports_meant().any(|meant| meant == port)
        };
        listeners.find(of).map(|listener| listener.address.port())
    };
    let mapped = measurement.rule.port.get() != dialled;
    accepted
        .or_else(stated)
        .or_else(|| (!mapped).then_some(dialled))
}

fn measurements(document: &RunDocument) -> impl Iterator<Item = &Measurement> {
    let all = document.probes.iter().map(|p| &p.measurement);
    all.chain(&document.reference_probes)
}
