//! Counts connections before and after they have proved a key, and hands out permits that are given back at their
//! end. Strangers and known clients have separate counts, so that a crowd of strangers takes nothing away from
//! clients.

mod rate;
mod source;
mod stranger_table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::key::KeyId;

use self::rate::Pace;

pub use self::source::Source;
pub use self::stranger_table::{Pressure, Standing, StrangerLimits, StrangerTable, Ticket};

/// How much a server takes on at once, and in a second. What binds strangers makes the oldest of them
/// leave; what binds keys refuses new sessions, and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Connections that have not yet proved a key.
    pub strangers: usize,
    /// Connections from one [`Source`] that have not proved a key.
    pub strangers_per_source: usize,
    /// New connections in a second of one source that has not proved a key lately.
    pub per_second_per_source: u32,
    /// Sessions under any key.
    pub sessions: usize,
    /// Sessions under one key.
    pub per_key: usize,
    /// Sessions of one key that were announced to be held open.
    pub held_per_key: usize,
    /// New sessions in a second under one key.
    pub per_second_per_key: u32,
}

impl Default for AdmissionLimits {
    /// Room for 15,000 sessions under the usual limit of 20,000 descriptors, with what is left for
    /// strangers, and no key able to take it all.
    fn default() -> Self {
        Self {
            strangers: 4096,
            // Every other place is for other sources.
            strangers_per_source: 2048,
            // Half of all places in two seconds.
            per_second_per_source: 1000,
            sessions: 15_000,
            per_key: 12_000,
            held_per_key: 10_000,
            // More than two cores can serve: it keeps one key from starving the others.
            per_second_per_key: 20_000,
        }
    }
}

/// What becomes of an authenticated greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Admit,
    Overloaded(Overload),
    /// The server is shutting down: running sessions end in peace, new ones go elsewhere.
    Draining,
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overload {
    /// Sessions.
    Total,
    /// This key's sessions.
    Key,
    /// This key's held sessions.
    Held,
    /// This key's new sessions.
    Pace,
}

/// Connections and sessions at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub strangers: usize,
    pub sessions: usize,
}

/// The server's book of permits; clones share it.
#[derive(Clone)]
pub struct Admission(Arc<Mutex<Book>>);

impl Admission {
    pub fn new(limits: AdmissionLimits) -> Self {
        Self(Arc::new(Mutex::new(Book {
            limits,
            draining: false,
            strangers: 0,
            sessions: 0,
            by_key: BTreeMap::new(),
        })))
    }

    /// A permit for a connection just accepted; `None` where too many others have not sessions yet.
    pub fn accept(&self) -> Option<Permit> {
        let mut book = self.book();
        if book.strangers >= book.limits.strangers {
            return None;
        }
        book.strangers += 1;
        drop(book);
        Some(Permit {
            admission: self.clone(),
            holder: None,
        })
    }

    /// Changes the limits. Existing connections stay.
    pub fn change_limits(&self, limits: AdmissionLimits) {
        self.book().limits = limits;
    }

    /// From now on every greeting is answered with [`Decision::Draining`].
    pub fn drain(&self) {
        self.book().draining = true;
    }

    pub fn load(&self) -> Load {
        let book = self.book();
        Load {
            strangers: book.strangers,
            sessions: book.sessions,
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Plain numbers: a panic elsewhere leaves nothing half-done in them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admission").field(&self.load()).finish()
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Admission,
    /// The key that this connection has proved to hold, and whether it is held open under it.
    holder: Option<(KeyId, bool)>,
}

impl Permit {
    /// Whether a session under `key` would be taken on now; `held`: it is announced to be held open.
    /// Nothing is counted yet: a greeting can be a replay, and must not use up its key's places.
    pub fn decide(&self, now: Duration, key: &KeyId, held: bool) -> Decision {
        let book = self.admission.book();
        let limits = &book.limits;
        let of_key = book.by_key.get(key).copied().unwrap_or_default();
        let overloads = [
            (Overload::Total, book.sessions >= limits.sessions),
            (Overload::Key, of_key.sessions >= limits.per_key),
            (Overload::Held, held && of_key.held >= limits.held_per_key),
            (Overload::Pace, !of_key.pace.is_on_time(now)),
        ];
        if self
            .holder
            .as_ref()
            .is_some_and(|(holder, _)| holder == key)
        {
            Decision::Admit
        } else if book.draining {
            Decision::Draining
        } else {
            let overload = overloads.into_iter().find(|(_, is_so)| *is_so);
            overload.map_or(Decision::Admit, |(which, _)| Decision::Overloaded(which))
        }
    }

    /// Counts this connection under `key`, which has just answered the server's own nonce. Never
    /// refuses: whoever was admitted a moment ago is not turned away in mid-dialogue, so the limits
    /// can be passed by as many as were between testimony and answer.
    pub fn hold_under(&mut self, now: Duration, key: &KeyId, held: bool) {
        let before = self.holder.as_ref();
        if before.is_some_and(|(holder, was)| holder == key && (*was || !held)) {
            return;
        }
        let is_new = before.is_none_or(|(holder, _)| holder != key);
        let mut book = self.admission.book();
        book.leave(before);
        book.sessions += 1;
        let per_second = book.limits.per_second_per_key;
        let of_key = book.by_key.entry(key.clone()).or_default();
        of_key.sessions += 1;
        of_key.held += usize::from(held);
        if is_new {
            of_key.pace.allows(now, per_second);
        }
        drop(book);
        self.holder = Some((key.clone(), held));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.book().leave(self.holder.as_ref());
    }
}

/// What one key has at this moment.
#[derive(Clone, Copy, Debug, Default)]
struct OfKey {
    sessions: usize,
    held: usize,
    pace: Pace,
}

struct Book {
    limits: AdmissionLimits,
    draining: bool,
    strangers: usize,
    sessions: usize,
    /// Counts for every key that ever had a session here: no more than there are keys.
    by_key: BTreeMap<KeyId, OfKey>,
}

impl Book {
    fn leave(&mut self, holder: Option<&(KeyId, bool)>) {
        let Some((key, held)) = holder else {
            self.strangers -= 1;
            return;
        };
        self.sessions -= 1;
        if let Some(of_key) = self.by_key.get_mut(key) {
            of_key.sessions -= 1;
            of_key.held -= usize::from(*held);
        }
    }
}

impl AdmissionLimits {
    /// The fewest places for strangers that work: a newcomer takes the free one and evicts the other stranger, and the
    /// next newcomer waits for that eviction alone.
    pub const MIN_STRANGERS: usize = 2;

    /// The limits for strangers, with one place in eight kept free, and at least one, so that an evicted connection has
    /// time to close.
    pub fn stranger_limits(&self) -> StrangerLimits {
        let free = (self.strangers / 8).max(1);
        StrangerLimits {
            total: self.strangers.saturating_sub(free).max(1),
            per_source: self.strangers_per_source,
            per_second: self.per_second_per_source,
        }
    }

    /// The limits for strangers in TLS, where a stranger costs memory.
    pub fn tls_stranger_limits(&self) -> StrangerLimits {
        let all = self.stranger_limits();
        StrangerLimits {
            total: all.total.min(IN_TLS),
            // Every other place is for other sources.
            per_source: all.per_source.min(IN_TLS / 2),
            ..all
        }
    }
}

/// One of them can have the server hold some 130 KiB, and a stranger outside of TLS a tenth of that. To finish a handshake
/// takes a stranger as much of the processor as it takes the server, so that these places are taken slowly.
const IN_TLS: usize = 1024;

impl Decision {
    /// For metrics; `None`: nothing was refused.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Admit => None,
            Self::Overloaded(Overload::Total) => Some("sessions"),
            Self::Overloaded(Overload::Key) => Some("sessions-of-one-key"),
            Self::Overloaded(Overload::Held) => Some("held-sessions-of-one-key"),
            Self::Overloaded(Overload::Pace) => Some("pace-of-one-key"),
            Self::Draining => Some("draining"),
        }
    }
}

#[cfg(test)]
mod tests;
