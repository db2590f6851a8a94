//! Connections whose SYN was answered and whose handshake was not completed, looked for only while a
//! known client asks: they show that the way here is open when the way back is not. And SYNs that the
//! witness saw and of which this host has no connection.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use echo_core::control::ListenerFacts;
use echo_core::session::ConnectionFacts;
use echo_core::sightings::{SightingId, Sightings};
use echo_core::time::UnixMillis;
use echo_core::witness::{Ends, WitnessedSyn};
use socket_facts::{HalfOpen, HalfOpenView};

use crate::instance::Instance;

/// What is known of half-open connections.
#[derive(Debug)]
pub(crate) struct HalfOpenWatch {
    available: bool,
    listeners: Vec<ListenerFacts>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    sightings: BTreeMap<Ends, Listed>,
    /// The latest looks, by port and caller.
    looks: BTreeMap<(u16, IpAddr), Duration>,
}

/// A half-open connection that has been noted, and when it was last on the kernel's list. One that is
/// not there any more may be waiting to be accepted.
#[derive(Clone, Copy, Debug)]
struct Listed {
    id: SightingId,
    last: Duration,
}

impl HalfOpenWatch {
    pub(crate) fn new(listeners: &[ListenerFacts]) -> Self {
        let any = listeners.first().map(|listener| listener.address.port());
        Self {
            available: any.is_some_and(|port| socket_facts::half_open(port).is_ok()),
            listeners: listeners.to_vec(),
            seen: Mutex::default(),
        }
    }

    /// Whether this host tells.
    pub(crate) fn is_available(&self) -> bool {
        self.available
    }

    /// Notes as sightings what `caller` has half open on any of `ports`, as dialled, or on all. It blocks
    /// for some milliseconds when this host has very many connections.
    pub(crate) fn look(&self, instance: &Instance, caller: IpAddr, ports: Option<&[u16]>) {
        if !self.available {
            return;
        }
        let now = instance.clock.now();
        let listeners = self.listeners.iter();
        let asked = listeners
            .filter(|listener| ports.is_none_or(|ports| ports.contains(&dialled(listener))));
        for listener in asked {
            // Whoever is accepted meanwhile waits here, and finds itself in the list afterwards.
            let mut seen = self.seen();
            let port = listener.address.port();
            if seen.may_look(now, port, caller)
                && let Ok(view) = socket_facts::half_open(port)
            {
                let (sightings, wall) = (&instance.sightings, instance.clock.steady());
                let note = |half_open: &HalfOpen| note(sightings, listener, half_open, wall);
                seen.take_in(now, &view, caller, note, |id| sightings.answered(id));
            }
        }
    }

    /// Notes as sightings what the witness saw and what has become no connection, as far as there is room:
    /// false if there was too little.
    pub(crate) fn take_note(&self, instance: &Instance, syns: Vec<WitnessedSyn>) -> bool {
        let now = instance.clock.now();
        let ends = syns.iter().map(|syn| (syn.peer, syn.local)).collect();
        // Whoever is accepted meanwhile waits here, and finds itself in the list afterwards.
        let mut seen = self.seen();
        let known = instance.sightings.known(&ends);
        seen.forget(now);
        let public_port = |port| {
            let mut listeners = self.listeners.iter();
            listeners.find(|l| l.address.port() == port)?.public_port
        };
        seen.take_witnessed(now, syns, &known, &instance.sightings, public_port)
    }

    /// The sighting under which a connection just accepted is known already, if it is.
    pub(crate) fn completed(&self, peer: SocketAddr, local: SocketAddr) -> Option<SightingId> {
        let listed = self.seen().sightings.remove(&(peer, local));
        listed.map(|listed| listed.id)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Each entry stands for itself.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn may_look(&mut self, now: Duration, port: u16, caller: IpAddr) -> bool {
        self.looks
            .retain(|_, last| now.saturating_sub(*last) < BETWEEN_LOOKS);
        self.looks.insert((port, caller), now).is_none()
    }

    fn forget(&mut self, now: Duration) {
        self.sightings
            .retain(|_, listed| now.saturating_sub(listed.last) < FORGOTTEN_AFTER);
    }

    /// Of `known` ends there are sightings already. False if some of `syns` found no room.
    fn take_witnessed(
        &mut self,
        now: Duration,
        syns: Vec<WitnessedSyn>,
        known: &BTreeSet<Ends>,
        sightings: &Sightings,
        public_port: impl Fn(u16) -> Option<u16>,
    ) -> bool {
        let mut room = true;
        for syn in syns {
            let ends = (syn.peer, syn.local);
            if let Some(listed) = self.sightings.get_mut(&ends) {
                listed.last = now;
                if syn.answered {
                    sightings.answered(listed.id);
                }
            } else if !known.contains(&ends) {
                if self.sightings.len() >= MAX_REMEMBERED {
                    room = false;
                    continue;
                }
                let id = note_witnessed(sightings, public_port(syn.local.port()), syn);
                self.sightings.insert(ends, Listed { id, last: now });
            }
        }
        room
    }

    /// Compares with what the kernel lists now, and has what is new of `caller` noted.
    fn take_in(
        &mut self,
        now: Duration,
        view: &HalfOpenView,
        caller: IpAddr,
        note: impl Fn(&HalfOpen) -> SightingId,
        answered: impl Fn(SightingId),
    ) {
        self.forget(now);
        let of_caller = |half_open: &&HalfOpen| half_open.peer.ip() == caller;
        for half_open in view.connections.iter().filter(of_caller) {
            let ends = (half_open.peer, half_open.local);
            if let Some(listed) = self.sightings.get_mut(&ends) {
                listed.last = now;
                answered(listed.id);
            } else if self.sightings.len() < MAX_REMEMBERED {
                let id = note(half_open);
                self.sightings.insert(ends, Listed { id, last: now });
            }
        }
    }
}

fn dialled(listener: &ListenerFacts) -> u16 {
    listener
        .public_port
        .unwrap_or_else(|| listener.address.port())
}

fn note(
    sightings: &Sightings,
    listener: &ListenerFacts,
    half_open: &HalfOpen,
    wall: UnixMillis,
) -> SightingId {
    let facts = ConnectionFacts {
        connection_id: Instance::connection_id(),
        local: half_open.local,
        public_port: listener.public_port,
        peer: half_open.peer,
        syn: None,
    };
    sightings.half_open(&facts, wall)
}

fn note_witnessed(
    sightings: &Sightings,
    public_port: Option<u16>,
    syn: WitnessedSyn,
) -> SightingId {
    let facts = ConnectionFacts {
        connection_id: Instance::connection_id(),
        local: syn.local,
        public_port,
        peer: syn.peer,
        syn: syn.header,
    };
    if syn.answered {
        sightings.half_open(&facts, syn.seen)
    } else {
        sightings.unanswered(&facts, syn.seen)
    }
}

/// The kernel keeps a half-open connection for a minute; looking costs it a walk of its table.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Longer than a connection waits to be accepted on any server that works.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// More than the runs of several clients have half open at once.
const MAX_REMEMBERED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 443;

    fn half_open(peer: &str) -> HalfOpen {
        HalfOpen {
            local: SocketAddr::from(([192, 0, 2, 1], PORT)),
            peer: peer.parse().unwrap(),
        }
    }

    fn view(peers: &[&str]) -> HalfOpenView {
        HalfOpenView {
            connections: peers.iter().map(|peer| half_open(peer)).collect(),
            complete: true,
        }
    }

    /// What `seen` remembers after a look of the caller's.
    fn look(
        seen: &mut Seen,
        now: Duration,
        sightings: &Sightings,
        peers: &[&str],
    ) -> Vec<SocketAddr> {
        let caller = "198.51.100.7".parse().unwrap();
        let note = |half_open: &HalfOpen| {
            let listener = ListenerFacts {
                address: half_open.local,
                public_port: None,
                bound: true,
            };
            note(sightings, &listener, half_open, UnixMillis(1))
        };
        seen.take_in(now, &view(peers), caller, note, |id| sightings.answered(id));
        seen.sightings.keys().map(|(peer, _)| *peer).collect()
    }

    #[test]
    fn the_callers_connections_are_noted_once_and_remembered_for_a_while() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let (own, other) = ("198.51.100.7:1000", "203.0.113.9:1000");
        let own_address: SocketAddr = own.parse().unwrap();
        let start = Duration::from_secs(5);
        let mut look = |now, peers: &[&str]| look(&mut seen, now, &sightings, peers);
        assert_eq!(look(start, &[own, other]), [own_address]);
        assert_eq!(look(start + BETWEEN_LOOKS, &[own, other]), [own_address]);
        assert_eq!(sightings.len(), 1);
        let last = start + BETWEEN_LOOKS;
        assert_eq!(look(last + FORGOTTEN_AFTER / 2, &[other]), [own_address]);
        assert_eq!(look(last + FORGOTTEN_AFTER, &[other]), []);
    }

    #[test]
    fn a_witnessed_syn_is_noted_unless_there_is_a_connection_of_it() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let (own, other) = ("198.51.100.7:1000", "198.51.100.7:2000");
        let mut take = |peers: &[&str], answered, known: &[&str]| {
            let syn = |peer: &&str| WitnessedSyn {
                peer: peer.parse().unwrap(),
                local: half_open(peer).local,
                seen: UnixMillis(1),
                answered,
                header: None,
            };
            let ends = |peer: &&str| (peer.parse().unwrap(), half_open(peer).local);
            let known = known.iter().map(ends).collect();
            let syns = peers.iter().map(syn).collect();
            assert!(seen.take_witnessed(Duration::ZERO, syns, &known, &sightings, |_| Some(80)));
            sightings.len()
        };
        assert_eq!(take(&[own], false, &[own]), 0);
        assert_eq!(take(&[own, other], false, &[other]), 1);
        // Again, and then with an answer: no other sighting, and known without being asked for.
        assert_eq!(take(&[own], false, &[]), 1);
        assert_eq!(take(&[own], true, &[own]), 1);
        assert_eq!(take(&[other], true, &[]), 2);
    }

    #[test]
    fn looks_are_limited_for_each_caller() {
        let mut seen = Seen::default();
        let callers: [IpAddr; 2] = ["198.51.100.7", "203.0.113.9"].map(|ip| ip.parse().unwrap());
        let start = Duration::from_secs(5);
        assert!(seen.may_look(start, PORT, callers[0]));
        assert!(seen.may_look(start, PORT, callers[1]));
        assert!(!seen.may_look(start + BETWEEN_LOOKS / 2, PORT, callers[0]));
        assert!(seen.may_look(start + 2 * BETWEEN_LOOKS, PORT, callers[0]));
    }
}
