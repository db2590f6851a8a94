//! Connections whose SYN was answered and whose handshake is not complete, looked for only while a known client
//! asks. They show that the way here is open when the way back is not. SYNs that the witness saw, and that became
//! no connection here, count too.

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

/// What is known of half-open connections.
#[derive(Debug)]
pub(crate) struct HalfOpenWatch {
    available: bool,
    /// The most half-open connections that the kernel keeps for one port.
    kept: usize,
    listeners: Vec<ListenerFacts>,
    /// When each port was looked at last, and may be again. The kernel is asked under this lock, by one at a time, and so not under
    /// the next, for which whoever is accepted waits.
    looks: Mutex<Looks>,
    seen: Mutex<HalfOpenBook>,
}

#[derive(Debug, Default)]
struct HalfOpenBook {
    sightings: BTreeMap<Ends, HalfOpenEntry>,
    /// The addresses of callers, and when each looked last.
    callers: BTreeMap<IpAddr, Duration>,
    /// What has been accepted since the kernel was asked: its list may still have it. `None` while it is not asked.
    accepted: Option<BTreeSet<Ends>>,
}

/// A half-open connection that has been noted, and when it was last on the kernel's list or seen by the witness.
/// One that is not there any more may be waiting to be accepted.
#[derive(Clone, Copy, Debug)]
struct HalfOpenEntry {
    id: SightingId,
    last: Duration,
    /// It has been on the kernel's list.
    held: bool,
    /// What the witness saw, if it did.
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

    /// Whether this host tells.
    pub(crate) fn is_available(&self) -> bool {
        self.available
    }

    /// Notes as sightings what is half open on any of `ports`, as dialled, or on all; that of `caller` before
    /// that of strangers. One look serves all callers for a moment. It blocks for some milliseconds when this host
    /// has very many connections.
    pub(crate) fn look(
        &self,
        clock: &Clock,
        sightings: &Sightings,
        caller: IpAddr,
        ports: Option<&[u16]>,
    ) {
        if !self.available {
            return;
        }
        self.seen().looks_on(clock.now(), caller);
        // Each entry stands for itself.
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let began = clock.now();
        let mut due = Vec::new();
        for listener in &self.listeners {
            if ports.is_some_and(|ports| !ports.contains(&dialled(listener))) {
                continue;
            }
            match looks.turn(began, listener.address.port()) {
                Turn::Due => due.push(listener),
                Turn::Fresh => {}
                Turn::Overdue => missed(sightings, listener, clock.steady()),
            }
        }
        if !due.is_empty() {
            self.look_at(clock, sightings, &due);
            let ports = due.iter().map(|listener| listener.address.port());
            looks.looked(began, clock.now(), ports);
        }
    }

    /// One walk of the kernel's serves all of them.
    fn look_at(&self, clock: &Clock, sightings: &Sightings, due: &[&ListenerFacts]) {
        let mut ports: Vec<u16> = due.iter().map(|listener| listener.address.port()).collect();
        ports.sort_unstable();
        ports.dedup();
        self.seen().accepted = Some(BTreeSet::new());
        let views = socket_facts::half_open_of(&ports).unwrap_or_default();
        let wall = clock.steady();
        for listener in due {
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
            // Whoever is accepted waits for no more than one port.
            let saw_all = self.seen().take_in(now, view.as_ref(), sightings, note);
            if !saw_all {
                missed(sightings, listener, clock.steady());
            }
        }
        self.seen().accepted = None;
    }

    /// Notes as sightings what the witness saw and what has become no connection, as far as there is room:
    /// false if there was too little.
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
        // Whoever is accepted meanwhile waits here, and finds itself in the list afterwards.
        let mut seen = self.seen();
        let known = sightings.known(&ends);
        seen.forget(now);
        let public_port = |port| {
            let mut listeners = self.listeners.iter();
            listeners.find(|l| l.address.port() == port)?.public_port
        };
        seen.take_witnessed(now, syns, &known, sightings, public_port)
    }

    /// The sighting under which a connection just accepted is known already, if it is.
    pub(crate) fn completed(&self, peer: SocketAddr, local: SocketAddr) -> Option<SightingId> {
        self.seen().completed((peer, local))
    }

    fn seen(&self) -> MutexGuard<'_, HalfOpenBook> {
        // Each entry stands for itself.
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

    /// Adds the SYNs that the witness saw, except those of `known` ends, which have sightings already. False if some of
    /// `syns` found no room.
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

    /// Compares with what the kernel listed when it was asked, and has what is new noted. False if there may be
    /// more: the kernel did not tell all, or there was no room.
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
    /// An answer that has been seen once stays so: when the SYN is repeated, the next answer may not have been read
    /// yet.
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

/// Half-open connections of this listener may have gone unnoticed up to now.
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
mod tests;
