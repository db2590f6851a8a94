//! What this server noticed about connections, kept for those who can show that it was theirs. A ring
//! of fixed size: the oldest sighting makes room, and absence is then no longer proof.

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

/// The digest of a stream's first bytes.
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
    /// No id comes before it.
    pub const FIRST: Self = Self(0);
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A SYN reached this host, which did not answer it.
    Unanswered,
    /// This host has it half open, and let no answer out.
    HeldBack,
    /// A SYN was seen and answered; the handshake is not complete.
    HalfOpen,
    Open,
    /// In use by the control service, and so nobody's test.
    Control,
    Ended(End),
}

/// Whose connection it was, by the greetings that came over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribution {
    Nobody,
    Key(KeyId),
    /// A device carries several clients' requests on one connection.
    SeveralKeys,
}

/// What a session has to say about its connection so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// TCP payload bytes.
    pub received: u64,
    pub sent: u64,
    /// Digests of the received bytes, shortest first.
    pub prefixes: Prefixes,
    /// The shortest prefix that no other connection shares, in bytes; `None`: not known (yet).
    pub unique_from: Option<u32>,
    pub client_hello_sha256: Option<[u8; 32]>,
    pub fate: Fate,
    pub tls_error: Option<Box<str>>,
    pub session: Option<SessionId>,
    pub attribution: Attribution,
}

impl Notice {
    /// Nothing but the connection itself.
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

/// One connection as noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    pub id: SightingId,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub public_port: Option<u16>,
    /// When the connection was accepted, or, if it is half open, when its SYN arrived.
    pub accepted: UnixMillis,
    pub syn: Option<SavedSyn>,
    pub notice: Notice,
    /// Counts changes of `notice`.
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

/// The instance's sightings.
pub struct Sightings {
    ring: Mutex<Ring>,
}

impl Sightings {
    /// At most `capacity` sightings, from `since` on.
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

    /// A connection was accepted at `wall`.
    pub fn accepted(&self, facts: &ConnectionFacts, wall: UnixMillis) -> SightingId {
        self.ring().add(facts, wall, Fate::Open)
    }

    /// A SYN was seen at `wall` whose handshake has not been completed.
    pub fn half_open(&self, facts: &ConnectionFacts, wall: UnixMillis) -> SightingId {
        self.ring().add(facts, wall, Fate::HalfOpen)
    }

    /// A SYN reached this host at `wall`, and its kernel has no connection of it.
    pub fn unanswered(&self, facts: &ConnectionFacts, wall: UnixMillis) -> SightingId {
        self.ring().add(facts, wall, Fate::Unanswered)
    }

    /// An answer to a SYN has left this host.
    pub fn answered(&self, id: SightingId) {
        let mut ring = self.ring();
        if let Some(sighting) = ring.get_mut(id) {
            sighting.becomes(Fate::HalfOpen, &[Fate::Unanswered, Fate::HeldBack]);
        }
    }

    /// This host has half open what no answer was seen to.
    pub fn held_back(&self, id: SightingId) {
        let mut ring = self.ring();
        if let Some(sighting) = ring.get_mut(id) {
            sighting.becomes(Fate::HeldBack, &[Fate::Unanswered, Fate::HalfOpen]);
        }
    }

    /// Up to `wall`, half-open connections to `port`, its own or as dialled, may have gone unnoticed. To be called
    /// with ports of listeners alone: each is remembered.
    pub fn missed(&self, port: u16, wall: UnixMillis) {
        let mut ring = self.ring();
        let last = ring.missed.entry(port).or_insert(wall);
        *last = wall.max(*last);
    }

    /// The members of `ends` that have sightings.
    pub fn known(&self, ends: &BTreeSet<Ends>) -> BTreeSet<Ends> {
        let ring = self.ring();
        let all = ring.sightings.iter().map(|s| (s.peer, s.local));
        all.filter(|seen| ends.contains(seen)).collect()
    }

    /// The handshake of a half-open connection was completed, and it was accepted. False if its
    /// sighting has made room for others meanwhile.
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

    /// Brings a sighting up to date. One that has made room for others stays gone.
    pub fn update(&self, id: SightingId, notice: Notice) {
        if let Some(sighting) = self.ring().get_mut(id)
            && sighting.notice != notice
        {
            sighting.notice = notice;
            sighting.revision += 1;
        }
    }

    /// How many bytes have come and gone by now, of a sighting of which nothing else has changed.
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

    /// What `viewer` may know about the connections that it says it has `sent`: for each of them one
    /// or more sightings, or one that says that nothing is released.
    pub fn release(&self, viewer: &Viewer, sent: &[Sent]) -> Vec<Released> {
        let ring = self.ring();
        release::release(ring.newest_first(), viewer, sent, |sent| {
            ring.is_incomplete(sent)
        })
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Each change replaces one sighting as a whole.
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
    /// The sighting with number `n` stands at `n % capacity`.
    sightings: Vec<Sighting>,
    next: u64,
    /// Up to this moment sightings may be missing: the server was not up, or they had to make room.
    complete_after: UnixMillis,
    /// Up to these moments those of half-open connections may be missing, by port.
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

    /// Whether sightings of such a connection may be missing.
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

/// None with extension headers that make it longer than any that a client of ours sends.
fn saved_syn(facts: &ConnectionFacts) -> Option<SavedSyn> {
    facts.syn.as_deref().and_then(|syn| syn.try_into().ok())
}

/// Room for so many sightings, each page of it written to: a process does not get any larger by what strangers
/// do later.
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

/// An IPv4 peer of a dual-stack socket is the same as that of an IPv4 socket.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// More than two minutes at a hundred connections a second; about 8 MiB, full or not.
pub const DEFAULT_CAPACITY: usize = 16 * 1024;

#[cfg(test)]
mod tests;
