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
    /// When each port was looked at last. The kernel is asked under this lock, by one at a time, and so not under
    /// the next, for which whoever is accepted waits.
    looks: Mutex<BTreeMap<u16, Duration>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    sightings: BTreeMap<Ends, Listed>,
    /// Who looks, and when each did last.
    callers: BTreeMap<IpAddr, Duration>,
    /// What has been accepted since the kernel was asked: its list may still have it. `None` while it is not asked.
    accepted: Option<BTreeSet<Ends>>,
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
            looks: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Whether this host tells.
    pub(crate) fn is_available(&self) -> bool {
        self.available
    }

    /// Notes as sightings what is half open on any of `ports`, as dialled, or on all; that of `caller` before
    /// that of strangers. One look serves all callers for a moment. It blocks for some milliseconds when this host
    /// has very many connections.
    pub(crate) fn look(&self, instance: &Instance, caller: IpAddr, ports: Option<&[u16]>) {
        if !self.available {
            return;
        }
        self.seen().looks_on(instance.clock.now(), caller);
        // Each entry stands for itself.
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let listeners = self.listeners.iter();
        let asked = listeners
            .filter(|listener| ports.is_none_or(|ports| ports.contains(&dialled(listener))));
        for listener in asked {
            let port = listener.address.port();
            if may_look(&looks, instance.clock.now(), port) {
                self.look_at(instance, listener);
                looks.insert(port, instance.clock.now());
            }
        }
    }

    fn look_at(&self, instance: &Instance, listener: &ListenerFacts) {
        let port = listener.address.port();
        self.seen().accepted = Some(BTreeSet::new());
        let view = socket_facts::half_open(port).ok();
        let (sightings, wall) = (&instance.sightings, instance.clock.steady());
        let note = |half_open: &HalfOpen| note(sightings, listener, half_open, wall);
        let answered = |id| sightings.answered(id);
        let saw_all = self
            .seen()
            .take_in(instance.clock.now(), view.as_ref(), note, answered);
        if !saw_all {
            sightings.missed(port, wall);
            sightings.missed(dialled(listener), wall);
        }
    }

    /// Notes as sightings what the witness saw and what has become no connection, as far as there is room:
    /// false if there was too little.
    pub(crate) fn take_note(&self, instance: &Instance, syns: Vec<WitnessedSyn>) -> bool {
        if syns.is_empty() {
            return true;
        }
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
        self.seen().completed((peer, local))
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Each entry stands for itself.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn looks_on(&mut self, now: Duration, caller: IpAddr) {
        self.callers
            .retain(|_, last| now.saturating_sub(*last) < LOOKS_NO_MORE);
        self.callers.insert(caller, now);
    }

    fn completed(&mut self, ends: Ends) -> Option<SightingId> {
        if let Some(accepted) = &mut self.accepted
            && accepted.len() < MAX_REMEMBERED
        {
            accepted.insert(ends);
        }
        let listed = self.sightings.remove(&ends)?;
        Some(listed.id)
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

    /// Compares with what the kernel listed when it was asked, and has what is new noted. False if there may be
    /// more: the kernel did not tell all, or there was no room.
    fn take_in(
        &mut self,
        now: Duration,
        view: Option<&HalfOpenView>,
        note: impl Fn(&HalfOpen) -> SightingId,
        answered: impl Fn(SightingId),
    ) -> bool {
        self.forget(now);
        let accepted = self.accepted.take().unwrap_or_default();
        let Some(view) = view.filter(|_| accepted.len() < MAX_REMEMBERED) else {
            return false;
        };
        let mut saw_all = view.complete;
        for half_open in &view.connections {
            let ends = (half_open.peer, half_open.local);
            let of_caller = self.callers.contains_key(&half_open.peer.ip());
            let room = if of_caller {
                MAX_REMEMBERED
            } else {
                MAX_STRANGERS
            };
            if accepted.contains(&ends) {
                continue;
            }
            if let Some(listed) = self.sightings.get_mut(&ends) {
                listed.last = now;
                answered(listed.id);
            } else if self.sightings.len() < room {
                let id = note(half_open);
                self.sightings.insert(ends, Listed { id, last: now });
            } else {
                saw_all = false;
            }
        }
        saw_all
    }
}

fn may_look(looks: &BTreeMap<u16, Duration>, now: Duration, port: u16) -> bool {
    let last = looks.get(&port);
    last.is_none_or(|last| now.saturating_sub(*last) >= BETWEEN_LOOKS)
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

/// Several times as long as who looks on waits in between.
const LOOKS_NO_MORE: Duration = Duration::from_secs(2);

/// More than the runs of several clients have half open at once.
const MAX_REMEMBERED: usize = 4096;

/// So many leave room for what is of those who look. More within [`FORGOTTEN_AFTER`] are a flood, and would push
/// out sightings of worth.
const MAX_STRANGERS: usize = 1024;

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

    const OWN: &str = "198.51.100.7:1000";
    const OTHER: &str = "203.0.113.9:1000";

    /// Has `seen` compare itself with a list of `peers`; whether it saw all.
    fn look(seen: &mut Seen, now: Duration, sightings: &Sightings, view: &HalfOpenView) -> bool {
        let note = |half_open: &HalfOpen| {
            let listener = ListenerFacts {
                address: half_open.local,
                public_port: None,
                bound: true,
            };
            note(sightings, &listener, half_open, UnixMillis(1))
        };
        seen.take_in(now, Some(view), note, |id| sightings.answered(id))
    }

    fn remembered(seen: &Seen) -> Vec<SocketAddr> {
        seen.sightings.keys().map(|(peer, _)| *peer).collect()
    }

    #[test]
    fn what_is_half_open_is_noted_once_and_remembered_for_a_while() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let [own, other]: [SocketAddr; 2] = [OWN, OTHER].map(|peer| peer.parse().unwrap());
        let start = Duration::from_secs(5);
        let last = start + BETWEEN_LOOKS;
        for now in [start, last] {
            // A stranger's may be the caller's, from another address of his.
            assert!(look(&mut seen, now, &sightings, &view(&[OWN, OTHER])));
            assert_eq!(remembered(&seen), [own, other]);
        }
        assert_eq!(sightings.len(), 2);
        let mut look = |now| {
            look(&mut seen, now, &sightings, &view(&[OTHER]));
            remembered(&seen)
        };
        assert_eq!(look(last + FORGOTTEN_AFTER / 2), [own, other]);
        assert_eq!(look(last + FORGOTTEN_AFTER), [other]);
    }

    #[test]
    fn strangers_leave_room_for_callers_and_what_finds_none_was_not_seen() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let own: SocketAddr = OWN.parse().unwrap();
        let flood: Vec<String> = (0..=MAX_STRANGERS)
            .map(|port| format!("203.0.113.9:{}", 1000 + port))
            .collect();
        let mut all: Vec<&str> = flood.iter().map(String::as_str).collect();
        let flood = view(&all[..MAX_STRANGERS]);
        assert!(look(&mut seen, Duration::ZERO, &sightings, &flood));
        assert!(!look(&mut seen, Duration::ZERO, &sightings, &view(&all)));
        all.truncate(MAX_STRANGERS);
        all.push(OWN);
        seen.looks_on(Duration::ZERO, own.ip());
        assert!(look(&mut seen, Duration::ZERO, &sightings, &view(&all)));
        assert!(remembered(&seen).contains(&own));
    }

    #[test]
    fn a_list_that_is_missing_or_cut_short_did_not_show_all() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let mut cut = view(&[OWN]);
        cut.complete = false;
        assert!(!look(&mut seen, Duration::ZERO, &sightings, &cut));
        assert_eq!(sightings.len(), 1);
        let note = |_: &HalfOpen| unreachable!("there is nothing to note");
        assert!(!seen.take_in(Duration::ZERO, None, note, |_| {}));
    }

    #[test]
    fn what_is_accepted_while_the_kernel_is_asked_is_not_half_open() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let ends = (OWN.parse().unwrap(), half_open(OWN).local);
        seen.accepted = Some(BTreeSet::new());
        assert_eq!(seen.completed(ends), None);
        assert!(look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN])));
        assert!(sightings.is_empty());
        // The next connection between the same two ends is another.
        assert!(look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN])));
        assert!(seen.completed(ends).is_some());
        assert_eq!(seen.accepted, None);
    }

    #[test]
    fn a_witnessed_syn_is_noted_unless_there_is_a_connection_of_it() {
        let (mut seen, sightings) = (Seen::default(), Sightings::new(8, UnixMillis(0)));
        let (own, other) = (OWN, "198.51.100.7:2000");
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
    fn a_port_is_looked_at_once_in_a_while_for_all_callers() {
        let start = Duration::from_secs(5);
        let mut looks = BTreeMap::new();
        assert!(may_look(&looks, start, PORT));
        looks.insert(PORT, start);
        assert!(!may_look(&looks, start + BETWEEN_LOOKS / 2, PORT));
        assert!(may_look(&looks, start + BETWEEN_LOOKS / 2, PORT + 1));
        assert!(may_look(&looks, start + BETWEEN_LOOKS, PORT));
    }
}
