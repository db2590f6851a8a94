//! The measurements of one server address over one path, and the instances that can be asked about it.

use std::collections::BTreeSet;

use proto::wire;

use super::question::{Clocks, sent};
use crate::control_record::{ControlRecord, ServerDescription};
use crate::measurement::{Measurement, Variation};
use crate::observation::FailureKind;
use crate::path::NetworkPath;

/// Everything about one server address over one path.
#[derive(Clone, Debug)]
pub struct ServerResult {
    pub probes: Vec<Measurement>,
    pub reference_probe: Measurement,
    pub control: ControlRecord,
    /// The instances that can be asked for their sightings; empty if there are none.
    pub instances: Vec<WatchingInstance>,
    /// Whether the server answered earlier in the run and no longer does.
    pub is_gone: bool,
}

/// An instance of the server that watches for this run's connections.
#[derive(Clone, Debug)]
pub struct WatchingInstance {
    pub description: ServerDescription,
    /// The time at which the instance began to watch, in microseconds since the run's start.
    pub since_us: u64,
    /// The failure of the channel when the instance was last asked; `None` if there was none.
    pub lost: Option<FailureKind>,
}

impl AsRef<Self> for ServerResult {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl ServerResult {
    /// Returns every measurement of this server and path, variations included.
    pub fn measured(&self) -> impl Iterator<Item = &Measurement> + Clone {
        let own = self.probes.iter().chain([&self.reference_probe]);
        own.flat_map(|m| {
            let beside = m.variations.iter().map(|c| &c.measurement);
            std::iter::once(m).chain(beside)
        })
    }

    /// Returns the measurements that may have reached the server and are not complete.
    pub fn open(&mut self) -> Vec<&mut Measurement> {
        self.probes
            .iter_mut()
            .chain(std::iter::once(&mut self.reference_probe))
            .filter(|m| !m.is_complete() && reached_out(m))
            .collect()
    }

    /// Returns the variations that failed after their session had begun. Those with a limited reach are left out,
    /// because they were not meant to reach the server.
    pub fn failed_variations(&mut self) -> Vec<&mut Measurement> {
        let beside = self.probes.iter_mut().flat_map(|p| &mut p.variations);
        beside
            .filter(|varied| !matches!(varied.variation, Variation::InReach { .. }))
            .map(|comparison| &mut comparison.measurement)
            .filter(|m| m.failure().is_some() && m.session.is_some())
            .collect()
    }
}

/// Returns whether any packet of this measurement may have arrived at the server.
fn reached_out(measurement: &Measurement) -> bool {
    match measurement.path {
        NetworkPath::Direct => measurement.address.is_some(),
        NetworkPath::Proxy(_) => measurement.connected(),
    }
}

/// Returns the sessions that belong to none of the open probes: sessions over other paths to the same host, and
/// variations of probes. The server leaves them out when it matches connections by address, because their address may
/// be that of an open probe.
pub fn others<R: AsRef<ServerResult>>(
    results: &[R],
    index: usize,
    tag: u32,
    clocks: Clocks,
) -> Vec<wire::Sent> {
    let control = &results[index].as_ref().control;
    let of_host = results.iter().map(AsRef::as_ref);
    let of_host = of_host.filter(|r: &&ServerResult| r.control.host == control.host);
    let probes = of_host.clone().flat_map(|r| &r.probes);
    let beside = probes.flat_map(|p| p.variations.iter().map(|c| &c.measurement));
    let sessions = of_host
        .filter(|r| r.control.path != control.path)
        .flat_map(|r| r.probes.iter().chain(std::iter::once(&r.reference_probe)))
        .chain(beside)
        .filter(|m| m.session.is_some());
    sessions.flat_map(|m| sent(m, tag, clocks)).collect()
}

/// Returns the source ports of this run's side connections.
pub fn side_ports<R: AsRef<ServerResult>>(results: &[R]) -> BTreeSet<u16> {
    let probes = results.iter().flat_map(|result| &result.as_ref().probes);
    probes
        .flat_map(|probe| &probe.flows)
        .map(|flow| flow.source_port)
        .collect()
}
