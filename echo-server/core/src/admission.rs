//! Counts connections before and after they prove a key, and hands out permits that are given back when dropped.
//! Strangers and known clients have separate counts, so that many strangers take no places from clients.

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

/// The number of connections and sessions that a server accepts, at the same time and per second. When a limit for
/// strangers is reached, one of them has to leave. When a limit for keys is reached, new sessions are refused with the
/// reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// The maximum number of connections that have not yet proved a key.
    pub strangers: usize,
    /// The maximum number of connections from one [`Source`] that have not yet proved a key.
    pub strangers_per_source: usize,
    /// The maximum number of new connections per second from one source that has not recently proved a key.
    pub per_second_per_source: u32,
    /// The maximum number of sessions, all keys together.
    pub sessions: usize,
    /// The maximum number of sessions under one key.
    pub per_key: usize,
    /// The maximum number of one key's sessions whose greeting announced a hold.
    pub held_per_key: usize,
    /// The maximum number of new sessions per second under one key.
    pub per_second_per_key: u32,
}

impl Default for AdmissionLimits {
    /// Allows 15,000 sessions under the usual limit of 20,000 descriptors and leaves the rest for strangers. No key can
    /// take all of them.
    fn default() -> Self {
        Self {
            strangers: 4096,
            // The other half is left for other sources.
            strangers_per_source: 2048,
            // One source needs two seconds to take its half.
            per_second_per_source: 1000,
            sessions: 15_000,
            per_key: 12_000,
            held_per_key: 10_000,
            // Two cores cannot serve as many per second. The limit keeps one key from starving the others.
            per_second_per_key: 20_000,
        }
    }
}

/// The server's decision about an authenticated greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Admit,
    Overloaded(Overload),
    /// The server is shutting down: running sessions may finish, new ones are refused.
    Draining,
}

/// The limit that has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overload {
    /// The limit for all sessions.
    Total,
    /// The limit for this key's sessions.
    Key,
    /// The limit for this key's held sessions.
    Held,
    /// The limit for this key's new sessions per second.
    Pace,
}

/// The number of connections and sessions at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub strangers: usize,
    pub sessions: usize,
}

/// The server's count of all permits, shared by its clones.
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

    /// Returns a permit for a connection just accepted, or `None` if too many connections have not proved a key yet.
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

    /// Makes the server answer every further greeting with [`Decision::Draining`].
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
        // The table contains only numbers, so a panic elsewhere leaves nothing half done in it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Admission").field(&self.load()).finish()
    }
}

/// The place of one connection. Dropping it gives the place back.
#[derive(Debug)]
pub struct Permit {
    admission: Admission,
    /// The key that this connection has proved, and whether the connection counts as held open under that key.
    holder: Option<(KeyId, bool)>,
}

impl Permit {
    /// Decides whether a session under `key` may start now; `held` says whether its greeting announced a hold. The
    /// session is not counted yet: its greeting can be a replay, which must not use up the key's places.
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

    /// Counts this connection under `key`, which has just answered the server's own nonce. It never refuses: a session
    /// that was admitted a moment ago is not turned away in mid-dialogue. The count can therefore exceed the limits by
    /// the number of sessions that were between testimony and answer.
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

/// The counts of one key.
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
    /// The counts of every key that ever had a session here, so no more entries than there are keys.
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
    /// The smallest usable number of places for strangers. With two, a newcomer takes the free place and evicts the
    /// other stranger, so that the next newcomer only waits until that stranger has left.
    pub const MIN_STRANGERS: usize = 2;

    /// Returns the limits for strangers. One place in eight is kept free, and at least one, so that an evicted
    /// connection has time to close.
    pub fn stranger_limits(&self) -> StrangerLimits {
        let free = (self.strangers / 8).max(1);
        StrangerLimits {
            total: self.strangers.saturating_sub(free).max(1),
            per_source: self.strangers_per_source,
            per_second: self.per_second_per_source,
        }
    }

    /// Returns the limits for strangers in TLS, where each stranger costs memory.
    pub fn tls_stranger_limits(&self) -> StrangerLimits {
        let all = self.stranger_limits();
        StrangerLimits {
            total: all.total.min(IN_TLS),
            // The other half is left for other sources.
            per_source: all.per_source.min(IN_TLS / 2),
            ..all
        }
    }
}

/// The number of strangers in TLS. One of them can make the server hold some 130 KiB, ten times as much as outside TLS.
/// A handshake costs the stranger as much processor time as the server, so these places fill slowly.
const IN_TLS: usize = 1024;

impl Decision {
    /// Returns the word for metrics, or `None` if nothing was refused.
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
