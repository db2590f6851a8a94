//! Finds connections whose SYN was answered and whose handshake is not complete, but only while a known client asks.
//! These connections show that the path to this host is open even if the path back is not. SYNs that only the witness
//! saw are noted in the same way.

mod looks;

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

use self::looks::{Looks, Turn};
use crate::clock::Clock;
use crate::connection_id::new_connection_id;

/// The record of half-open connections, and the means to look for them.
#[derive(Debug)]
pub(crate) struct HalfOpenWatch {
    available: bool,
    /// The maximum number of half-open connections that the kernel keeps for one port.
    kept: usize,
    listeners: Vec<ListenerFacts>,
    /// The time of the last look, and the earliest time of the next. The kernel is queried while this lock is held, so
    /// by one caller at a time. The lock of `seen` is free meanwhile, because the server takes it to accept
    /// a connection.
    looks: Mutex<Looks>,
    seen: Mutex<HalfOpenBook>,
}

#[derive(Debug, Default)]
struct HalfOpenBook {
    sightings: BTreeMap<Ends, HalfOpenEntry>,
    /// The addresses of callers, with the time of each one's last look.
    callers: BTreeMap<IpAddr, Duration>,
    /// The connections accepted since the current query began, because the kernel's list may still contain them. `None`
    /// while no query runs.
    accepted: Option<BTreeSet<Ends>>,
}

/// A half-open connection that has been noted, with the time at which it was last on the kernel's list or seen by the
/// witness. An entry that is no longer on the list may be waiting to be accepted.
#[derive(Clone, Copy, Debug)]
struct HalfOpenEntry {
    id: SightingId,
    last: Duration,
    /// Whether the connection has been on the kernel's list.
    held: bool,
    /// The segment that the witness saw, if any.
    witnessed: Option<CapturedSegment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CapturedSegment {
    Syn,
    Answer,
}

impl HalfOpenWatch {
    pub(crate) fn new(listeners: &[ListenerFacts]) -> Self {
        let any = listeners.first().map(|listener| listener.address.port());
        let kept = socket_facts::half_open_kept().unwrap_or(0);
        Self {
            available: any.is_some_and(|port| socket_facts::half_open(port).is_ok()) && kept > 0,
            kept,
            listeners: listeners.to_vec(),
            looks: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Returns whether this host can list half-open connections.
    pub(crate) fn is_available(&self) -> bool {
        self.available
    }

    /// Notes the half-open connections on all ports as sightings. Callers' connections get more room than those of
    /// strangers. One look serves all callers for a moment. The call blocks for some milliseconds if this host has very
    /// many connections.
    pub(crate) fn look(&self, clock: &Clock, sightings: &Sightings, caller: IpAddr) {
        if !self.available {
            return;
        }
        self.seen().looks_on(clock.now(), caller);
        // Every entry is valid without the others, so a panic elsewhere does not matter.
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let began = clock.now();
        match looks.turn(began) {
            Turn::Due => {}
            Turn::Fresh => return,
            Turn::Overdue => {
                let wall = clock.steady();
                self.listeners
                    .iter()
                    .for_each(|l| missed(sightings, l, wall));
                return;
            }
        }
        let busy = socket_facts::processor_time();
        self.look_at_all(clock, sightings);
        let now = clock.now();
        // On a busy host, most of the time that a look takes is that of other threads.
        let took = match (busy, socket_facts::processor_time()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => now.saturating_sub(began),
        };
        looks.looked(took, now);
    }

    /// Looks at all listeners in one walk through the kernel's table.
    fn look_at_all(&self, clock: &Clock, sightings: &Sightings) {
        let listeners = self.listeners.iter();
        let mut ports: Vec<u16> = listeners.map(|l| l.address.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        self.seen().accepted = Some(BTreeSet::new());
        let views = socket_facts::half_open_of(&ports).unwrap_or_default();
        let wall = clock.steady();
        for listener in &self.listeners {
            let of_port = ports
                .iter()
                .position(|port| *port == listener.address.port());
            let view = of_port
                .and_then(|at| views.get(at))
                .map(|view| HalfOpenView {
                    complete: view.complete && view.connections.len() < self.kept,
                    ..view.clone()
                });
            let note = |half_open: &HalfOpen| note(sightings, listener, half_open, wall);
            let now = clock.now();
            // The lock is taken anew for each port, so that accepting a connection waits for one port at most.
            let saw_all = self.seen().take_in(now, view.as_ref(), sightings, note);
            if !saw_all {
                missed(sightings, listener, clock.steady());
            }
        }
        self.seen().accepted = None;
    }

    /// Adds a sighting for each SYN that the witness saw and that did not become a connection. Returns false if there
    /// was not enough room.
    pub(crate) fn take_note(
        &self,
        now: Duration,
        sightings: &Sightings,
        syns: Vec<WitnessedSyn>,
    ) -> bool {
        if syns.is_empty() {
            return true;
        }
        let ends = syns.iter().map(|syn| (syn.peer, syn.local)).collect();
        // A connection that is accepted meanwhile waits for this lock, and finds its entry in the list afterwards.
        let mut seen = self.seen();
        let known = sightings.known(&ends);
        seen.forget(now);
        let public_port = |port| {
            let mut listeners = self.listeners.iter();
            listeners.find(|l| l.address.port() == port)?.public_port
        };
        seen.take_witnessed(now, syns, &known, sightings, public_port)
    }

    /// Records that a connection was accepted, and returns its sighting if it has one already.
    pub(crate) fn completed(&self, peer: SocketAddr, local: SocketAddr) -> Option<SightingId> {
        self.seen().completed((peer, local))
    }

    fn seen(&self) -> MutexGuard<'_, HalfOpenBook> {
        // Every entry is valid without the others, so a panic elsewhere does not matter.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HalfOpenBook {
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

    /// Adds the SYNs that the witness saw, except those whose ends are in `known`, which have sightings already.
    /// Returns false if there was no room for some of `syns`.
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
                listed.is_witnessed(syn.answered, sightings);
            } else if !known.contains(&ends) {
                if self.sightings.len() >= MAX_REMEMBERED {
                    room = false;
                    continue;
                }
                let witnessed = Some(CapturedSegment::of(syn.answered));
                let listed = HalfOpenEntry {
                    id: note_witnessed(sightings, public_port(syn.local.port()), syn),
                    last: now,
                    held: false,
                    witnessed,
                };
                self.sightings.insert(ends, listed);
            }
        }
        room
    }

    /// Compares the known entries with the list that the kernel returned, and notes the new ones. Returns false if
    /// there may be more, because the kernel's list was incomplete or there was no room.
    fn take_in(
        &mut self,
        now: Duration,
        view: Option<&HalfOpenView>,
        sightings: &Sightings,
        note: impl Fn(&HalfOpen) -> SightingId,
    ) -> bool {
        self.forget(now);
        let accepted = self.accepted.as_ref();
        let Some(view) =
            view.filter(|_| accepted.is_none_or(|accepted| accepted.len() < MAX_REMEMBERED))
        else {
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
            if accepted.is_some_and(|accepted| accepted.contains(&ends)) {
                continue;
            }
            if let Some(listed) = self.sightings.get_mut(&ends) {
                listed.last = now;
                listed.held = true;
                listed.tell(sightings);
            } else if self.sightings.len() < room {
                let listed = HalfOpenEntry {
                    id: note(half_open),
                    last: now,
                    held: true,
                    witnessed: None,
                };
                self.sightings.insert(ends, listed);
            } else {
                saw_all = false;
            }
        }
        saw_all
    }
}

impl HalfOpenEntry {
    /// Records a segment that the witness saw. An answer that has been seen stays recorded: when the SYN is repeated,
    /// the next answer may not have been read yet.
    fn is_witnessed(&mut self, answered: bool, sightings: &Sightings) {
        if self.witnessed != Some(CapturedSegment::Answer) {
            self.witnessed = Some(CapturedSegment::of(answered));
        }
        self.tell(sightings);
    }

    fn tell(&self, sightings: &Sightings) {
        match self.witnessed {
            Some(CapturedSegment::Answer) => sightings.answered(self.id),
            Some(CapturedSegment::Syn) if self.held => sightings.held_back(self.id),
            Some(CapturedSegment::Syn) | None => {}
        }
    }
}

impl CapturedSegment {
    fn of(answered: bool) -> Self {
        if answered { Self::Answer } else { Self::Syn }
    }
}

/// Records that half-open connections of this listener may have gone unnoticed until now.
fn missed(sightings: &Sightings, listener: &ListenerFacts, wall: UnixMillis) {
    sightings.missed(listener.address.port(), wall);
    sightings.missed(dialled(listener), wall);
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
        connection_id: new_connection_id(),
        local: half_open.local,
        public_port: listener.public_port,
        peer: half_open.peer,
        agreed_options: None,
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
        connection_id: new_connection_id(),
        local: syn.local,
        public_port,
        peer: syn.peer,
        agreed_options: None,
        syn: syn.header,
    };
    if syn.answered {
        sightings.half_open(&facts, syn.seen)
    } else {
        sightings.unanswered(&facts, syn.seen)
    }
}

/// The time for which an entry is kept: longer than a connection waits to be accepted on any server that works.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// The time for which an address counts as a caller's after its last look: several times the interval between two
/// looks.
const LOOKS_NO_MORE: Duration = Duration::from_secs(2);

/// The maximum number of entries: more than the runs of several clients have half open at the same time.
const MAX_REMEMBERED: usize = 4096;

/// The number of entries from which on strangers' connections are not added, so that there is room for those of
/// callers. If more arrive within [`FORGOTTEN_AFTER`], they are a flood and would evict valuable sightings.
const MAX_STRANGERS: usize = 1024;

#[cfg(test)]
mod tests;
