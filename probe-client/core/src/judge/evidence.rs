//! All that a verdict may rest on, and the questions that causes ask of it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::ending::{Ending, ending, testimony};
use crate::comparison::{Reach, Variation, reach};
use crate::control_record::{ControlOutcome, ControlRecord, ServerDescription};
use crate::measurement::{Measurement, Sighting, SightingAnswer, SightingEnd, canonical};
use crate::observation::{FailureKind, Origin};
use crate::path::{ProxyAddress, authority};
use crate::session::{Fault, HexBytes, SessionReport};
use crate::survey::{Comparison, HopAnswer, Survey};
use crate::verdict::Confidence;

/// One probe's measurement, and what it is compared with.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    pub probe: &'a Measurement,
    /// Every measurement of the same server address over the same path, this one and the control
    /// port's included.
    pub same_server: Vec<&'a Measurement>,
    /// Every measurement of the same host over other paths.
    pub other_paths: Vec<&'a Measurement>,
    pub control: Option<&'a ControlRecord>,
    /// This host's own addresses.
    pub own_addresses: &'a [IpAddr],
    /// A SYN as this host sends it.
    pub own_syn: Option<&'a HexBytes>,
    /// This host's clock at the run's start, in Unix milliseconds.
    pub run_started_ms: Option<i64>,
}

impl<'a> Evidence<'a> {
    /// The same about another measurement of the same server and path.
    #[must_use]
    pub fn of(&self, probe: &'a Measurement) -> Self {
        Self {
            probe,
            ..self.clone()
        }
    }

    pub fn ending(&self) -> Ending<'a> {
        ending(self.probe)
    }

    pub fn session(&self) -> Option<&'a SessionReport> {
        self.probe.session.as_ref()
    }

    pub fn fault(&self) -> Option<&'a Fault> {
        self.session()?.fault.as_ref()
    }

    /// The genuine server proved itself on this address, on some port, over this path or another.
    pub fn server_alive(&self) -> bool {
        self.same_server.iter().any(|m| testified_anyhow(m))
            || self.control.is_some_and(ControlRecord::shows_server_alive)
            || self
                .proved_over_other_paths()
                .any(|m| self.is_of_this_address(m))
    }

    /// Sessions in which the server, by its name, proved itself over other paths.
    fn proved_over_other_paths(&self) -> impl Iterator<Item = &'a Measurement> {
        let all = self.other_paths.iter().copied();
        all.filter(|m| testified_anyhow(m))
    }

    /// Over another path the server proved itself on this very port.
    pub fn proved_on_this_port(&self) -> bool {
        let port = self.probe.port_dialled();
        let mut all = self.proved_over_other_paths();
        all.any(|m| m.port_dialled() == port && self.is_of_this_address(m))
    }

    /// The server's account of this probe came over another path: of several instances behind one address, another may
    /// have given it.
    pub fn told_over_another_path(&self) -> bool {
        let own = self.control.into_iter().flat_map(ControlRecord::instances);
        self.sighting_answer().is_some() && own.count() == 0
    }

    pub fn confidence_in_account(&self) -> Confidence {
        if self.told_over_another_path() {
            Confidence::Medium
        } else {
            Confidence::High
        }
    }

    /// Beyond doubt: what a name stands for at a proxy, nobody knows here.
    fn is_of_this_address(&self, other: &Measurement) -> bool {
        let address = other.server().or_else(|| other.host.parse().ok());
        address.is_some() && address == self.probe.server()
    }

    /// The proxy on the way, if there is one.
    pub fn proxy(&self) -> Option<&'a ProxyAddress> {
        self.probe.path.proxy()
    }

    pub fn description(&self) -> Option<&'a ServerDescription> {
        self.control?.description()
    }

    /// The server's instances behind this address that described themselves, parted into those that
    /// listen where this probe dialled and those that do not.
    pub fn instances(&self) -> (Vec<&'a ServerDescription>, Vec<&'a ServerDescription>) {
        let all = self.control.into_iter().flat_map(ControlRecord::instances);
        let Some(address) = self.probe.address else {
            return (all.collect(), Vec::new());
        };
        all.partition(|instance| instance.listens(address.ip(), address.port()))
    }

    /// Every instance of the server that was asked says that it does not listen where this probe dialled. Of
    /// such a port the server looks for no SYNs, and its host answers those that come with RST.
    pub fn nobody_listens(&self) -> bool {
        let (listening, lacking) = self.instances();
        listening.is_empty() && !lacking.is_empty()
    }

    /// The genuine server said that it does not accept the key.
    pub fn key_refused(&self) -> bool {
        self.control
            .is_some_and(|c| matches!(c.outcome, ControlOutcome::KeyRefused { .. }))
    }

    pub fn sighting_answer(&self) -> Option<&'a SightingAnswer> {
        self.probe.sighting.as_ref()
    }

    /// The one connection that the server attributes to this probe; absent where there is none or
    /// more than one.
    pub fn sighting(&self) -> Option<&'a Sighting> {
        match self.connections(self.sighting_answer()?).as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The server looked, and is sure that no connection of this probe reached it.
    pub fn never_seen(&self) -> bool {
        self.sighting_answer()
            .is_some_and(|answer| self.connections(answer).is_empty() && answer.is_complete())
    }

    /// The server would have noticed a SYN of this probe.
    pub fn sees_syns(&self) -> bool {
        self.sighting_answer()
            .is_some_and(|answer| answer.sees_half_open || answer.sees_every_syn)
            && !self.nobody_listens()
    }

    /// The server accepted at least one connection that may be this probe's.
    pub fn perhaps_accepted(&self) -> bool {
        self.sighting_answer().is_some_and(|answer| {
            let mut all = self.connections(answer).into_iter();
            all.any(|sighting| sighting.end != SightingEnd::HalfOpen)
        })
    }

    /// SYNs of this probe reached the server's host, and went no further.
    pub fn stopped_at_the_host(&self) -> bool {
        self.sighting_answer().is_some_and(|answer| {
            !self.sightings(answer).is_empty() && self.connections(answer).is_empty()
        })
    }

    /// The server's TCP took SYNs of this probe and answered them, and its witness, which missed nothing, saw none
    /// of the answers leave the host.
    pub fn answer_stopped_at_the_host(&self) -> bool {
        self.sighting_answer().is_some_and(|answer| {
            let mut all = answer.sightings.iter();
            answer.sees_every_syn
                && all.any(|s| s.end == SightingEnd::HalfOpen)
                && answer.answered_peers().is_empty()
        })
    }

    /// Nor has a SYN of this probe reached the server's host: whatever that host's own firewall would have
    /// made of it, its witness would have seen it.
    pub fn never_at_the_host(&self) -> bool {
        let answer = self.sighting_answer();
        answer.is_some_and(|answer| answer.sees_every_syn && self.sightings(answer).is_empty())
            && self.never_seen()
            && !self.nobody_listens()
    }

    fn connections(&self, answer: &'a SightingAnswer) -> Vec<&'a Sighting> {
        let mut sightings = self.sightings(answer);
        sightings.retain(|sighting| sighting.is_connection());
        sightings
    }

    /// Another port that works lost its SYNs as well, by their pace or their number: that the server saw none
    /// of this port's shows no more than that.
    pub fn working_ports_lose_syns(&self) -> bool {
        let others = self.same_server.iter();
        let mut others = others.filter(|m| m.port_dialled() != self.probe.port_dialled());
        others.any(|m| {
            let slowly: Vec<&Measurement> = m.compared(Variation::InPace { held: 0 }).collect();
            let again: Vec<&Measurement> = m.compared(Variation::InNothing).collect();
            let silent_now = again.len() >= 2 && again.iter().all(|m| m.met_silence());
            if m.ran_whole() {
                silent_now || slowly.iter().any(|m| m.met_silence())
            } else {
                m.met_silence() && slowly.iter().any(|m| m.ran_whole())
            }
        })
    }

    /// Every byte of either end arrived at the other, and the server gave up waiting for the next: one
    /// of the two was too slow, and nothing between them is to blame.
    pub fn given_up_by_server(&self) -> bool {
        let (Some(sighting), Some(transport)) = (self.sighting(), self.probe.transport) else {
            return false;
        };
        sighting.end == SightingEnd::Deadline
            && sighting.bytes_received >= transport.bytes_written
            && sighting.bytes_sent <= transport.bytes_read
    }

    /// Those of `answer` that can be this probe's: the server goes by port and time, and other probes
    /// of the run may share both.
    fn sightings(&self, answer: &'a SightingAnswer) -> Vec<&'a Sighting> {
        let others: Vec<SocketAddr> = self
            .same_server
            .iter()
            .filter(|m| !std::ptr::eq(**m, self.probe))
            .flat_map(|m| [m.local, testimony(m).and_then(|t| t.peer)])
            .flatten()
            .map(canonical)
            .collect();
        let own = self.probe.local.map(canonical);
        let not_anothers = |s: &&Sighting| {
            s.peer
                .map(canonical)
                .is_none_or(|peer| Some(peer) == own || !others.contains(&peer))
        };
        let exact = answer.of_address(self.probe.local);
        if exact.is_empty() {
            answer.sightings.iter().filter(not_anothers).collect()
        } else {
            exact
        }
    }

    /// The survey of the hops to this probe's port.
    pub fn survey(&self) -> Option<&'a Survey> {
        let same_port = self
            .same_server
            .iter()
            .filter(|m| m.address == self.probe.address);
        let own = std::iter::once(&self.probe);
        own.chain(same_port).find_map(|m| m.survey.as_ref())
    }

    /// The two neighbouring hops between which a device acts on the first bytes.
    pub fn reach(&self) -> Option<Reach> {
        let known = self.known_distances();
        let server = self.survey()?.exact_server_distance(&known)?;
        reach(self.probe, server)
    }

    /// How far away the server is, where sessions with it show that.
    pub fn known_distances(&self) -> Vec<u8> {
        let all = self.same_server.iter();
        all.filter_map(|m| m.server_distance()).collect()
    }

    /// At another moment a SYN to this very port was accepted.
    pub fn accepted_meanwhile(&self) -> bool {
        self.survey().is_some_and(|survey| {
            let mut own = survey.of_port(survey.port);
            own.any(|t| t.answer == HopAnswer::SynAck)
        })
    }

    /// Whoever answers on this port, against the server's distance as this port's survey and all
    /// sessions with the server show it.
    pub fn answering(&self) -> Comparison {
        let known = self.known_distances();
        self.survey()
            .map_or(Comparison::Undecided, |survey| survey.compare(&known))
    }

    /// Other ports of this server that brought a testimony, for evidence texts.
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

    /// No port of this server took a connection, each silently or by RST.
    pub fn all_silent_or_reset(&self) -> bool {
        self.same_server.iter().all(|m| {
            matches!(ending(m), Ending::NotConnected(f)
                if matches!(f.kind, FailureKind::TimedOut | FailureKind::Refused)
                    && !matches!(f.origin, Origin::Icmp { .. }))
        })
    }

    /// Every port of this server took the connection and then said nothing at all.
    pub fn all_mute_by_silence(&self) -> bool {
        self.same_server
            .iter()
            .all(|m| matches!(ending(m), Ending::Mute(_, f) if f.kind == FailureKind::TimedOut))
    }

    /// `203.0.113.7:443`, or the host where there is no address.
    pub fn target(&self) -> String {
        match (&self.probe.address, &self.probe.proxy) {
            (Some(address), _) => address.to_string(),
            (None, Some(proxy)) => authority(&proxy.host_asked, proxy.port_asked),
            (None, None) => self.probe.host.clone(),
        }
    }

    /// The observation of the failure, in words.
    pub fn seen(&self) -> Option<String> {
        let observation = self
            .probe
            .observations
            .iter()
            .find(|o| o.failure.is_some())?;
        let failure = observation.failure.as_ref()?;
        let mut text = format!(
            "{} with {}: {} after {}",
            observation.operation.describe(),
            observation.target,
            failure.kind.describe(),
            duration(observation.duration_us)
        );
        if let Origin::Icmp {
            sender,
            icmp_type,
            code,
        } = failure.origin
        {
            text.push_str(&format!(
                ", ICMP type {icmp_type} code {code} from {sender}"
            ));
        }
        if let Some(said) = &failure.text {
            text.push_str(&format!(" ({said})"));
        }
        Some(text)
    }

    /// That the same port works over other paths, in words; absent where it does over none.
    pub fn other_paths_work(&self) -> Option<String> {
        let rule = &self.probe.rule.id;
        let paths = paths_of(
            self.proved_over_other_paths()
                .filter(|m| m.rule.id == *rule),
        )?;
        Some(format!(
            "the same server proved itself on this port over the path {paths}"
        ))
    }

    /// That some port works over other paths, in words; absent where none does.
    pub fn other_paths_lead_there(&self) -> Option<String> {
        let paths = paths_of(self.proved_over_other_paths())?;
        Some(format!(
            "a server of this name proved itself over the path {paths}"
        ))
    }

    /// The one that says more.
    pub fn works_over_other_paths(&self) -> Option<String> {
        self.other_paths_work()
            .or_else(|| self.other_paths_lead_there())
    }

    /// That other ports of the same server work, in words; absent where none does.
    pub fn others_work(&self) -> Option<String> {
        let ports = self.working_ports();
        match ports.as_slice() {
            [] => None,
            [one] => Some(format!("the same server proved itself on port {one}")),
            many => {
                let listed: Vec<String> = many.iter().map(ToString::to_string).collect();
                let listed = listed.join(", ");
                Some(format!("the same server proved itself on ports {listed}"))
            }
        }
    }
}

/// Each once, in words; absent where there are none.
fn paths_of<'a>(measured: impl Iterator<Item = &'a Measurement>) -> Option<String> {
    let paths: BTreeSet<String> = measured.map(|m| m.path.to_string()).collect();
    let paths: Vec<String> = paths.into_iter().collect();
    (!paths.is_empty()).then(|| paths.join(", "))
}

/// In its own session, or in one beside it.
fn testified_anyhow(measurement: &Measurement) -> bool {
    let mut beside = measurement.comparisons.iter();
    testimony(measurement).is_some() || beside.any(|c| testimony(&c.measurement).is_some())
}

/// Of instances of the server, for people.
pub(super) fn names(instances: &[&ServerDescription]) -> String {
    let names: Vec<&str> = instances.iter().map(|i| i.instance.as_str()).collect();
    names.join(", ")
}

/// Microseconds for people.
pub(super) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}
