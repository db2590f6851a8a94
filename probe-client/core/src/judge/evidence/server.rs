//! Answers questions about the server: whether it is up, the reports of its instances, and the results of its other
//! ports.

use std::collections::HashSet;
use std::net::IpAddr;

use super::super::ending::{Ending, ending, testimony};
use super::Evidence;
use super::siblings::LostSyns;
use crate::control_record::{CONTROL_PORT_RULE, ControlOutcome, ControlRecord, ServerDescription};
use crate::flow::side_connections_are_lost;
use crate::measurement::{Measurement, Variation};
use crate::observation::{FailureKind, Operation};
use crate::path::NetworkPath;

impl<'a> Evidence<'a> {
    /// Returns the measurement of the control port; `None` if it was not dialled.
    pub fn control_port(&self) -> Option<&'a Measurement> {
        let mut all = self.same_server.iter().copied();
        all.find(|m| m.rule.id.as_str() == CONTROL_PORT_RULE)
    }

    /// Returns whether the genuine server proved itself on this address, on any port, over this path or another.
    pub fn server_alive(&self) -> bool {
        self.same_server.iter().any(|m| testified_anyhow(m))
            || self.control.is_some_and(ControlRecord::shows_server_alive)
            || self
                .proved_over_other_paths()
                .any(|m| self.is_of_this_address(m))
    }

    /// Returns the sessions over other paths in which the server of this name proved itself.
    pub(super) fn proved_over_other_paths(&self) -> impl Iterator<Item = &'a Measurement> {
        self.other_paths().filter(|m| testified_anyhow(m))
    }

    /// Returns whether the server proved itself on this same port over another path.
    pub fn proved_on_this_port(&self) -> bool {
        self.proved_elsewhere_on(self.probe.port_dialled())
    }

    /// Returns whether the server proved itself on `port` of this address over another path, so it listens there.
    pub fn proved_elsewhere_on(&self, port: u16) -> bool {
        let mut all = self.proved_over_other_paths();
        all.any(|m| m.port_dialled() == port && self.is_of_this_address(m))
    }

    /// Returns whether the server's account of this probe came over another path. If several instances share one
    /// address, another instance may have given it.
    pub fn told_over_another_path(&self) -> bool {
        let own = self.control.into_iter().flat_map(ControlRecord::instances);
        self.sighting_answer().is_some() && own.count() == 0
    }

    /// Returns whether `other` certainly went to this probe's address. This host does not know how a proxy resolves a
    /// name.
    fn is_of_this_address(&self, other: &Measurement) -> bool {
        let address = other.server().or_else(|| other.host.parse().ok());
        address.is_some() && address == self.probe.server()
    }

    pub fn description(&self) -> Option<&'a ServerDescription> {
        self.control?.description()
    }

    /// Returns the instances behind this address that described themselves: first those that listen where this probe
    /// dialled, then those that do not.
    pub fn instances(&self) -> (Vec<&'a ServerDescription>, Vec<&'a ServerDescription>) {
        let all = self.control.into_iter().flat_map(ControlRecord::instances);
        all.partition(|instance| {
            let own = self.accepted_at(&instance.instance);
            instance.awaits(self.probe, &own).unwrap_or(true)
        })
    }

    /// Returns the addresses at which the host of `instance` has accepted sessions over this path.
    fn accepted_at(&self, instance: &str) -> Vec<IpAddr> {
        let sessions = self.same_server.iter().filter_map(|m| testimony(m));
        let of_it = sessions.filter(|t| t.instance == instance);
        of_it
            .filter_map(|t| Some(t.local?.ip().to_canonical()))
            .collect()
    }

    /// Returns whether every instance that was asked says that it does not listen where this probe dialled. The server
    /// does not look for SYNs to such ports, and its host answers them with RST.
    pub fn nobody_listens(&self) -> bool {
        let (listening, lacking) = self.instances();
        listening.is_empty() && !lacking.is_empty()
    }

    /// Returns whether the genuine server said that it does not accept the key.
    pub fn key_refused(&self) -> bool {
        self.control
            .is_some_and(|c| matches!(c.outcome, ControlOutcome::KeyRefused { .. }))
    }

    /// Returns the other ports of this server that brought a testimony, for evidence texts.
    pub fn working_ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self
            .same_server
            .iter()
            .filter(|m| testimony(m).is_some() && m.port_dialled() != self.probe.port_dialled())
            .map(|m| m.port_dialled())
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Returns a port whose session reached the server from an address other than the one this host used, and that
    /// address. A device that opens the connection anew, such as a transparent proxy, is no NAT.
    pub fn translated(&self) -> Option<(u16, IpAddr)> {
        if self.proxy().is_some() {
            return None;
        }
        let mut all = self
            .same_server
            .iter()
            .filter(|m| m.reopened_with().is_none());
        all.find_map(|m| {
            let seen = testimony(m)?.peer?.ip().to_canonical();
            let used = m.local?.ip().to_canonical();
            (seen != used).then(|| (m.port_dialled(), seen))
        })
    }

    /// Returns whether every port of this server accepted the connection and then stayed silent.
    pub fn all_mute_by_silence(&self) -> bool {
        self.same_server
            .iter()
            .all(|m| matches!(ending(m), Ending::NoData(_, f) if f.kind == FailureKind::TimedOut))
    }

    /// Returns whether another port, one that works, lost SYNs as well because of their pace or number. If so, the same
    /// loss may explain why the server saw no SYN to this port. If no port of this path worked throughout the run, SYNs
    /// lost over other paths count too.
    pub fn working_ports_lose_syns(&self) -> bool {
        let others = self.same_server.iter();
        let mut others = others.filter(|m| m.port_dialled() != self.probe.port_dialled());
        let side_connections = || side_connections_are_lost(self.same_server.iter().copied());
        others.any(|m| works_and_loses_syns(m))
            || self.same_server.lost_syns(LostSyns::Here, side_connections)
            || self.working_ports_elsewhere_lose_syns()
            || (!self.same_server.iter().any(|m| self.works_all_along(m))
                && self.working_ports_over_other_paths_lose_syns())
    }

    /// Returns whether the session of `measurement` ran whole, and no control session to the same port was left
    /// unanswered.
    fn works_all_along(&self, measurement: &Measurement) -> bool {
        let target = measurement.address.map(|address| address.to_string());
        let lost = |control: &ControlRecord| {
            control.observations.iter().any(|o| {
                let silent = o.failure.as_ref();
                let silent = silent.is_some_and(|f| f.kind == FailureKind::TimedOut);
                silent && Some(&o.target) == target.as_ref()
            })
        };
        measurement.ran_whole() && !self.control.is_some_and(lost)
    }

    /// Returns whether a port that works at another address of the server lost SYNs. A device that limits this host's
    /// connections may count them for all addresses together.
    pub fn working_ports_elsewhere_lose_syns(&self) -> bool {
        let find = || lose_syns(&self.other_addresses().collect::<Vec<_>>());
        self.same_server.lost_syns(LostSyns::Elsewhere, find)
    }

    /// Returns whether a port that works over another path lost SYNs, or a proxy accepted some connections of this run
    /// and left others unanswered.
    pub fn working_ports_over_other_paths_lose_syns(&self) -> bool {
        self.same_server.lost_syns(LostSyns::OverOtherPaths, || {
            let others: Vec<&Measurement> = self.other_paths().collect();
            lose_syns(&others) || a_proxy_took_only_some(&others)
        })
    }
}

/// Returns whether ports that work, among `all`, lost SYNs because of their pace or number.
fn lose_syns(all: &[&Measurement]) -> bool {
    let mut each = all.iter();
    each.any(|m| works_and_loses_syns(m)) || side_connections_are_lost(all.iter().copied())
}

/// Returns whether a proxy accepted the connections of some sessions in `all`, and did not answer others.
fn a_proxy_took_only_some(all: &[&Measurement]) -> bool {
    let taken = all.iter().filter(|m| m.succeeded(Operation::ProxyConnect));
    let taken: HashSet<&NetworkPath> = taken.map(|m| &m.path).collect();
    all.iter().any(|m| {
        let silent = m.failure().is_some_and(|(operation, failure)| {
            operation == Operation::ProxyConnect && failure.kind == FailureKind::TimedOut
        });
        silent && taken.contains(&m.path)
    })
}

fn works_and_loses_syns(measurement: &Measurement) -> bool {
    let compared = |variation| -> Vec<&Measurement> { measurement.compared(variation).collect() };
    let slowly = compared(Variation::InPace { held: 0 });
    let again = compared(Variation::InNothing);
    let silent_now = again.len() >= 2 && again.iter().all(|m| m.met_silence());
    if measurement.ran_whole() {
        // One SYN is soon lost by chance. Two in a row, in two sessions, are not.
        let all = std::iter::once(&measurement).chain(&slowly).chain(&again);
        let hardly_opened = all.filter(|m| m.syns_sent_again() >= 2);
        silent_now || slowly.iter().any(|m| m.met_silence()) || hardly_opened.count() >= 2
    } else {
        let mut later = slowly.iter().chain(&again);
        measurement.met_silence() && later.any(|m| m.succeeded(Operation::Connect))
    }
}

/// Returns whether the server testified in the measurement's own session or in one of its variations.
fn testified_anyhow(measurement: &Measurement) -> bool {
    let mut beside = measurement.variations.iter();
    let testified = |m: &Measurement| testimony(m).is_some() && m.unpinned_key().is_none();
    testified(measurement) || beside.any(|c| testified(&c.measurement))
}

/// Returns the names of instances of the server, for people.
pub(in super::super) fn names(instances: &[&ServerDescription]) -> String {
    let names: Vec<&str> = instances.iter().map(|i| i.instance.as_str()).collect();
    names.join(", ")
}
