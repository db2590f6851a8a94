//! The server nonces given out in the HTTP envelope, where the answer may come on another connection. The table has a
//! fixed size. Each nonce is valid for one request and a short time, and is issued only to authenticated greetings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::key::{KeyId, Nonce};
use sha2::{Digest as _, Sha256};

use crate::session::{SessionId, StageBook};

/// The facts about earlier rounds of an HTTP session that the next round needs.
#[derive(Clone, Debug)]
pub(crate) struct Resumption {
    pub(crate) key: KeyId,
    pub(crate) session: SessionId,
    pub(crate) chain: Chain,
    pub(crate) stages: StageBook,
}

/// The digest of all earlier rounds, which `Greeting.chain` must match.
#[derive(Clone)]
pub(crate) enum Chain {
    /// All rounds so far ran on this server, and have this digest.
    Known(Sha256),
    /// The session came with a nonce that this server never issued or has forgotten. It cannot check the earlier
    /// rounds; the client checks and judges them.
    Elsewhere,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self::Known(Sha256::new())
    }

    /// Returns the chain with one more round, given that round's transcript digest.
    pub(crate) fn with(self, round: &[u8; 32]) -> Self {
        match self {
            Self::Known(digest) => Self::Known(digest.chain_update(round)),
            Self::Elsewhere => Self::Elsewhere,
        }
    }

    /// Returns whether a greeting that claims `chain` has the same history.
    pub(crate) fn agrees_with(&self, claimed: &[u8]) -> bool {
        match self {
            Self::Known(digest) => digest.clone().finalize().as_slice() == claimed,
            Self::Elsewhere => true,
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Chain::Known",
            Self::Elsewhere => "Chain::Elsewhere",
        })
    }
}

/// The instance's table of nonces that still wait for their answer.
pub struct Nonces {
    lifetime: Duration,
    table: Mutex<Table>,
}

impl Nonces {
    /// Creates a table of at most `capacity` nonces, each valid for `lifetime` plus the hold of its session. If the
    /// table is full, the oldest nonce is dropped; its owner then gets a fresh nonce and tries that stage again.
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self {
            lifetime,
            table: Mutex::new(Table {
                capacity: capacity.max(1),
                slots: BTreeMap::new(),
                next: 0,
                by_nonce: BTreeMap::new(),
                by_greeting: BTreeSet::new(),
            }),
        }
    }

    /// Returns the number of nonces in the table, including those that have expired since the last one was issued.
    pub fn len(&self) -> usize {
        self.table().by_nonce.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores `nonce` as the answer to the greeting with `client_nonce`. The `hold` that the greeting announced makes
    /// it valid for longer. Each greeting has only two places, so that replays of it evict no other greeting's nonce.
    /// One place is for the first answer, which the client waits for. The other is for the latest answer, which the
    /// client gets if a proxy sent the request again.
    pub(crate) fn issue(
        &self,
        now: Duration,
        hold: Duration,
        client_nonce: Nonce,
        nonce: Nonce,
        resumption: Resumption,
    ) {
        let slot = Slot {
            nonce,
            client_nonce,
            expires: now + self.lifetime + hold,
            resumption,
        };
        self.table().insert(now, slot);
    }

    /// Removes `nonce` and returns the session state that it was issued for. `None` if the nonce is unknown, expired,
    /// used, or another session's.
    pub(crate) fn take(
        &self,
        now: Duration,
        nonce: &Nonce,
        key: &KeyId,
        session: SessionId,
    ) -> Option<Resumption> {
        let mut table = self.table();
        let fits = |slot: &Slot| {
            slot.expires > now && slot.resumption.key == *key && slot.resumption.session == session
        };
        let at = *table.by_nonce.get(nonce)?;
        table.slots.get(&at).filter(|slot| fits(slot))?;
        table.clear(at).map(|slot| slot.resumption)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Each step of a change leaves the table usable, so a panic elsewhere does not matter.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces")
            .field("lifetime", &self.lifetime)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

struct Slot {
    nonce: Nonce,
    client_nonce: Nonce,
    expires: Duration,
    resumption: Resumption,
}

impl Slot {
    fn greeting(&self, at: u64) -> (KeyId, Nonce, u64) {
        (self.resumption.key.clone(), self.client_nonce, at)
    }
}

struct Table {
    capacity: usize,
    /// The slots by order of issue, the oldest first.
    slots: BTreeMap<u64, Slot>,
    next: u64,
    by_nonce: BTreeMap<Nonce, u64>,
    /// The slots of every greeting. Each entry contains the key, because the owner of another key may have seen the
    /// client nonce and copied it.
    by_greeting: BTreeSet<(KeyId, Nonce, u64)>,
}

impl Table {
    fn insert(&mut self, now: Duration, slot: Slot) {
        let at = self.latest(&slot).unwrap_or_else(|| self.place(now));
        self.clear(at);
        self.by_nonce.insert(slot.nonce, at);
        self.by_greeting.insert(slot.greeting(at));
        self.slots.insert(at, slot);
    }

    /// Returns the slot of the latest nonce for the same greeting, if the greeting has both of its places.
    fn latest(&self, new: &Slot) -> Option<u64> {
        let places = new.greeting(u64::MIN)..=new.greeting(u64::MAX);
        let mut places = self.by_greeting.range(places);
        places.nth(PER_GREETING - 1).map(|(_, _, at)| *at)
    }

    /// Returns the number of a new slot. Removes expired slots first, from the oldest up to the first that is still
    /// valid, so that the table is only as large as the work in progress. If that is not enough, the oldest slot is
    /// removed too.
    fn place(&mut self, now: Duration) -> u64 {
        while let Some((&oldest, slot)) = self.slots.first_key_value()
            && (slot.expires <= now || self.slots.len() >= self.capacity)
        {
            self.clear(oldest);
        }
        let at = self.next;
        self.next += 1;
        at
    }

    fn clear(&mut self, at: u64) -> Option<Slot> {
        let slot = self.slots.remove(&at)?;
        self.by_nonce.remove(&slot.nonce);
        self.by_greeting.remove(&slot.greeting(at));
        Some(slot)
    }
}

/// The number of slots for one greeting: the first nonce's and the latest one's.
const PER_GREETING: usize = 2;

/// The default size of the table: some 270 requests per second for a whole lifetime, about 6 MiB when full.
pub const DEFAULT_CAPACITY: usize = 16 * 1024;

/// The default lifetime of a nonce. A round takes a round trip and at most one stage; a minute leaves room for the
/// slowest proxy.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
