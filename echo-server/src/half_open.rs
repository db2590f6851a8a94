//! Connections whose SYN was answered and whose handshake was not completed, looked for only while a
//! known client asks: they show that the way here is open when the way back is not.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use echo_core::control::ListenerFacts;
use echo_core::session::ConnectionFacts;
use echo_core::sightings::{SightingId, Sightings};
use echo_core::time::UnixMillis;
use socket_facts::{HalfOpen, HalfOpenView};

use crate::instance::Instance;

/// Both ends of a half-open connection.
type Ends = (SocketAddr, SocketAddr);

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
                seen.take_in(now, &view, caller, |half_open| {
                    note(sightings, listener, half_open, wall)
                });
            }
        }
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

    /// Compares with what the kernel lists now, and has what is new of `caller` noted.
    fn take_in(
        &mut self,
        now: Duration,
        view: &HalfOpenView,
        caller: IpAddr,
        note: impl Fn(&HalfOpen) -> SightingId,
    ) {
        self.sightings
            .retain(|_, listed| now.saturating_sub(listed.last) < FORGOTTEN_AFTER);
        let of_caller = |half_open: &&HalfOpen| half_open.peer.ip() == caller;
        for half_open in view.connections.iter().filter(of_caller) {
            let ends = (half_open.peer, half_open.local);
            if let Some(listed) = self.sightings.get_mut(&ends) {
                listed.last = now;
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
        seen.take_in(now, &view(peers), caller, |half_open| {
            let listener = ListenerFacts {
                address: half_open.local,
                public_port: None,
                bound: true,
            };
            note(sightings, &listener, half_open, UnixMillis(1))
        });
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
