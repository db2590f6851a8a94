//! Keeps the sightings of connections, for clients that can show that a connection was theirs. The sightings are in a
//! ring of fixed size. Once the oldest has made room for a new one, a missing sighting no longer proves anything about
//! that time.

mod release;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrayvec::ArrayVec;
use proto::key::KeyId;
use proto::limits::SIGHTING_PREFIXES;

use crate::session::{ConnectionFacts, End, SessionId};
use crate::time::UnixMillis;
use crate::witness::Ends;

pub use self::release::{Match, Released, Sent, Viewer};

/// The digest of the first `bytes` bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrefixDigest {
    pub bytes: u32,
    pub sha256: [u8; 32],
}

/// One digest for each length in `SIGHTING_PREFIXES`.
pub type Prefixes = ArrayVec<PrefixDigest, { SIGHTING_PREFIXES.len() }>;

/// IP and TCP header of a SYN, each of 60 bytes at most (RFC 9293 section 3.1, RFC 791 section 3.1).
pub type SavedSyn = ArrayVec<u8, 120>;

/// Names a sighting within one server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SightingId(u64);

impl SightingId {
    /// The lowest id of a sighting.
    pub const FIRST: Self = Self(0);
}

/// The state or end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A SYN reached this host, which did not answer it.
    Unanswered,
    /// This host has the connection half open, but the witness did not see its answer leave.
    HeldBack,
    /// A SYN was seen and answered; the handshake is not complete.
    HalfOpen,
    Open,
    /// The control service uses the connection, so it is not a client's test.
    Control,
    Ended(End),
}

/// The owner of a connection, by the greetings that came over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribution {
    Nobody,
    Key(KeyId),
    /// A device carries several clients' requests on one connection.
    SeveralKeys,
}

/// The report of a session about its connection so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The number of TCP payload bytes received.
    pub received: u64,
    pub sent: u64,
    /// Digests of the received bytes, shortest first.
    pub prefixes: Prefixes,
    /// The length in bytes of the shortest prefix that no other connection shares; `None` if it is not known yet.
    pub unique_from: Option<u32>,
    pub client_hello_sha256: Option<[u8; 32]>,
    pub fate: Fate,
    pub tls_error: Option<Box<str>>,
    pub session: Option<SessionId>,
    pub attribution: Attribution,
}

impl Notice {
    /// Returns a notice that contains only the connection's state.
    fn of_nothing(fate: Fate) -> Self {
        Self {
            received: 0,
            sent: 0,
            prefixes: Prefixes::new(),
            unique_from: None,
            client_hello_sha256: None,
            fate,
            tls_error: None,
            session: None,
            attribution: Attribution::Nobody,
        }
    }
}

/// One connection that this server noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub id: SightingId,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub public_port: Option<u16>,
    /// The time at which the connection was accepted or, if it is half open, its SYN arrived.
    pub accepted: UnixMillis,
    pub syn: Option<SavedSyn>,
    pub notice: Notice,
    /// The number of changes of `notice`.
    pub revision: u64,
}

impl Sighting {
    fn becomes(&mut self, fate: Fate, from: &[Fate]) {
        if from.contains(&self.notice.fate) {
            self.notice.fate = fate;
            self.revision += 1;
        }
    }
}

/// The sightings of this instance.
pub struct Sightings {
    ring: Mutex<Ring>,
}

impl Sightings {
    /// Creates a ring of at most `capacity` sightings, which knows all connections after `since`.
    pub fn new(capacity: usize, since: UnixMillis) -> Self {
        Self {
            ring: Mutex::new(Ring {
                capacity: capacity.max(1),
                sightings: in_memory(capacity.max(1)),
                next: 0,
                complete_after: since,
                missed: BTreeMap::new(),
            }),
        }
    }

    /// Adds a connection that was accepted at `wall`.
    pub fn accepted(&self, facts: &ConnectionFacts, wall: UnixMillis) -> SightingId {
        self.ring().add(facts, wall, Fate::Open)
    }

    /// Adds a connection whose SYN was seen at `wall` and whose handshake is not complete.
    pub fn half_open(&self, facts: &ConnectionFacts, wall: UnixMillis) -> SightingId {
        self.ring().add(facts, wall, Fate::HalfOpen)
    }

    /// Adds a SYN that reached this host at `wall` and for which its kernel has no connection.
    pub fn unanswered(&self, facts: &ConnectionFacts, wall: UnixMillis) -> SightingId {
        self.ring().add(facts, wall, Fate::Unanswered)
    }

    /// Records that an answer to the SYN has left this host.
    pub fn answered(&self, id: SightingId) {
        let mut ring = self.ring();
        if let Some(sighting) = ring.get_mut(id) {
            sighting.becomes(Fate::HalfOpen, &[Fate::Unanswered, Fate::HeldBack]);
        }
    }

    /// Records that this host has the connection half open, but no answer was seen.
    pub fn held_back(&self, id: SightingId) {
        let mut ring = self.ring();
        if let Some(sighting) = ring.get_mut(id) {
            sighting.becomes(Fate::HeldBack, &[Fate::Unanswered, Fate::HalfOpen]);
        }
    }

    /// Records that half-open connections to `port` may have gone unnoticed until `wall`. The port is a listener's own
    /// or the one that clients dial for it. Call it only with ports of listeners, because each port is remembered.
    pub fn missed(&self, port: u16, wall: UnixMillis) {
        let mut ring = self.ring();
        let last = ring.missed.entry(port).or_insert(wall);
        *last = wall.max(*last);
    }

    /// Returns the members of `ends` that have sightings.
    pub fn known(&self, ends: &BTreeSet<Ends>) -> BTreeSet<Ends> {
        let ring = self.ring();
        let all = ring.sightings.iter().map(|s| (s.peer, s.local));
        all.filter(|seen| ends.contains(seen)).collect()
    }

    /// Records that the handshake of a half-open connection was completed and the connection accepted. Returns false if
    /// its sighting has made room for others meanwhile.
    pub fn completed(&self, id: SightingId, facts: &ConnectionFacts) -> bool {
        let mut ring = self.ring();
        let Some(sighting) = ring.get_mut(id) else {
            return false;
        };
        sighting.syn = saved_syn(facts);
        sighting.notice.fate = Fate::Open;
        sighting.revision += 1;
        true
    }

    /// Updates a sighting. Does nothing if it has made room for others.
    pub fn update(&self, id: SightingId, notice: Notice) {
        if let Some(sighting) = self.ring().get_mut(id)
            && sighting.notice != notice
        {
            sighting.notice = notice;
            sighting.revision += 1;
        }
    }

    /// Updates the byte counts of a sighting in which nothing else has changed.
    pub fn count(&self, id: SightingId, received: u64, sent: u64) {
        if let Some(sighting) = self.ring().get_mut(id)
            && (sighting.notice.received, sighting.notice.sent) != (received, sent)
        {
            sighting.notice.received = received;
            sighting.notice.sent = sent;
            sighting.revision += 1;
        }
    }

    pub fn len(&self) -> usize {
        self.ring().sightings.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the sightings that the client `viewer` may see, among those of the connections that it says it has
    /// `sent`. For each connection there are one or more sightings, or an entry that says that nothing is released.
    pub fn release(&self, viewer: &Viewer, sent: &[Sent]) -> Vec<Released> {
        let ring = self.ring();
        release::release(ring.newest_first(), viewer, sent, |sent| {
            ring.is_incomplete(sent)
        })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Each change replaces one sighting as a whole, so a panic elsewhere does not matter.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sightings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sightings")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

struct Ring {
    capacity: usize,
    /// The sighting with number `n` is at index `n % capacity`.
    sightings: Vec<Sighting>,
    next: u64,
    /// The time until which sightings may be missing, because the server was not running yet or old sightings had to
    /// make room.
    complete_after: UnixMillis,
    /// The times until which sightings of half-open connections may be missing, by port.
    missed: BTreeMap<u16, UnixMillis>,
}

impl Ring {
    fn add(&mut self, facts: &ConnectionFacts, wall: UnixMillis, fate: Fate) -> SightingId {
        let id = SightingId(self.next);
        self.next += 1;
        let sighting = Sighting {
            id,
            peer: canonical(facts.peer),
            local: canonical(facts.local),
            public_port: facts.public_port,
            accepted: wall,
            syn: saved_syn(facts),
            notice: Notice::of_nothing(fate),
            revision: 0,
        };
        let at = self.index(id);
        match self.sightings.get_mut(at) {
            Some(slot) => {
                let gone = std::mem::replace(slot, sighting);
                self.complete_after = self.complete_after.max(gone.accepted);
            }
            None => self.sightings.push(sighting),
        }
        id
    }

    fn newest_first(&self) -> impl Iterator<Item = &Sighting> {
        let (newer, older) = self.sightings.split_at(self.index(SightingId(self.next)));
        newer.iter().rev().chain(older.iter().rev())
    }

    /// Returns whether sightings of a connection like `sent` may be missing.
    fn is_incomplete(&self, sent: &Sent) -> bool {
        let missed = self.missed.get(&sent.port);
        *sent.window.start()
            <= missed.map_or(self.complete_after, |at| self.complete_after.max(*at))
    }

    fn get_mut(&mut self, id: SightingId) -> Option<&mut Sighting> {
        let at = self.index(id);
        self.sightings.get_mut(at).filter(|found| found.id == id)
    }

    fn index(&self, id: SightingId) -> usize {
        usize::try_from(id.0 % self.capacity as u64).expect("less than the capacity, a usize")
    }
}

/// Returns the SYN's headers, or `None` if extension headers make them longer than our clients' headers ever are.
fn saved_syn(facts: &ConnectionFacts) -> Option<SavedSyn> {
    facts.syn.as_deref().and_then(|syn| syn.try_into().ok())
}

/// Allocates room for `capacity` sightings and writes to each page of it, so that nothing that strangers do later makes
/// the process larger.
fn in_memory(capacity: usize) -> Vec<Sighting> {
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut room = vec![
        Sighting {
            id: SightingId::FIRST,
            peer: nobody,
            local: nobody,
            public_port: None,
            accepted: UnixMillis(0),
            syn: None,
            notice: Notice::of_nothing(Fate::Open),
            revision: 0,
        };
        capacity
    ];
    room.clear();
    room
}

/// Returns `address` in its canonical form, in which an IPv4 peer has the same address on a dual-stack socket as on an
/// IPv4 socket.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The default size of the ring: more than two minutes at a hundred connections per second, about 8 MiB whether full or
/// not.
pub const DEFAULT_CAPACITY: usize = 16 * 1024;

#[cfg(test)]
mod tests;
