//! Who is taken on: permits for connections, counted before and after they have proved a key, and
//! given back when they end. Strangers and known clients are counted apart, so that a crowd of the
//! former takes nothing away from the latter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::key::KeyId;

/// How many connections a server takes on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Connections that have not yet proved a key.
    pub ungreeted: usize,
    /// Sessions under any key.
    pub greeted: usize,
    /// Sessions under one key.
    pub per_key: usize,
}

impl Default for AdmissionLimits {
    /// Room for 15,000 sessions under the usual limit of 20,000 descriptors, with what is left for
    /// strangers, and no key able to take it all.
    fn default() -> Self {
        Self {
            ungreeted: 4096,
            greeted: 15_000,
            per_key: 12_000,
        }
    }
}

/// What becomes of an authenticated greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Admit,
    Overloaded,
    /// The server is shutting down: running sessions end in peace, new ones go elsewhere.
    Draining,
}

/// Connections and sessions at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub ungreeted: usize,
    pub greeted: usize,
}

/// The server's book of permits; clones share it.
#[derive(Clone)]
pub struct Admission(Arc<Mutex<Book>>);

impl Admission {
    pub fn new(limits: AdmissionLimits) -> Self {
        Self(Arc::new(Mutex::new(Book {
            limits,
            draining: false,
            ungreeted: 0,
            greeted: 0,
            by_key: BTreeMap::new(),
        })))
    }

    /// A permit for a connection just accepted; `None` where too many others have not greeted yet.
    pub fn accept(&self) -> Option<Permit> {
        let mut book = self.book();
        if book.ungreeted >= book.limits.ungreeted {
            return None;
        }
        book.ungreeted += 1;
        drop(book);
        Some(Permit {
            admission: self.clone(),
            holder: None,
        })
    }

    /// From now on every greeting is answered with [`Decision::Draining`].
    pub fn drain(&self) {
        self.book().draining = true;
    }

    pub fn load(&self) -> Load {
        let book = self.book();
        Load {
            ungreeted: book.ungreeted,
            greeted: book.greeted,
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
    /// The key that this connection has proved to hold.
    holder: Option<KeyId>,
}

impl Permit {
    /// Whether a session under `key` would be taken on now. Nothing is counted yet: a greeting can
    /// be a replay, and must not use up its key's places.
    pub fn decide(&self, key: &KeyId) -> Decision {
        let book = self.admission.book();
        if self.holder.as_ref() == Some(key) {
            Decision::Admit
        } else if book.draining {
            Decision::Draining
        } else if book.greeted >= book.limits.greeted || book.of(key) >= book.limits.per_key {
            Decision::Overloaded
        } else {
            Decision::Admit
        }
    }

    /// Counts this connection under `key`, which has just answered the server's own nonce. Never
    /// refuses: whoever was admitted a moment ago is not turned away in mid-dialogue, so the limits
    /// can be passed by as many as were between testimony and answer.
    pub fn hold_under(&mut self, key: &KeyId) {
        if self.holder.as_ref() != Some(key) {
            let mut book = self.admission.book();
            book.leave(self.holder.as_ref());
            book.greeted += 1;
            *book.by_key.entry(key.clone()).or_insert(0) += 1;
            drop(book);
            self.holder = Some(key.clone());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.book().leave(self.holder.as_ref());
    }
}

struct Book {
    limits: AdmissionLimits,
    draining: bool,
    ungreeted: usize,
    greeted: usize,
    by_key: BTreeMap<KeyId, usize>,
}

impl Book {
    fn of(&self, key: &KeyId) -> usize {
        self.by_key.get(key).copied().unwrap_or(0)
    }

    fn leave(&mut self, holder: Option<&KeyId>) {
        let Some(key) = holder else {
            self.ungreeted -= 1;
            return;
        };
        self.greeted -= 1;
        if let Some(count) = self.by_key.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.by_key.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(ungreeted: usize, greeted: usize, per_key: usize) -> Admission {
        Admission::new(AdmissionLimits {
            ungreeted,
            greeted,
            per_key,
        })
    }

    fn key(id: &str) -> KeyId {
        id.parse().unwrap()
    }

    #[test]
    fn strangers_have_a_limit_of_their_own() {
        let admission = admission(2, 1, 1);
        let first = admission.accept().unwrap();
        let mut second = admission.accept().unwrap();
        assert!(admission.accept().is_none());
        second.hold_under(&key("a"));
        assert!(admission.accept().is_some());
        drop(first);
        assert_eq!(
            admission.load(),
            Load {
                ungreeted: 0,
                greeted: 1
            }
        );
    }

    #[test]
    fn each_limit_refuses_and_an_end_makes_room() {
        let admission = admission(10, 3, 2);
        let mut held: Vec<Permit> = Vec::new();
        for _ in 0..2 {
            let mut permit = admission.accept().unwrap();
            assert_eq!(permit.decide(&key("a")), Decision::Admit);
            permit.hold_under(&key("a"));
            held.push(permit);
        }
        let mut permit = admission.accept().unwrap();
        assert_eq!(permit.decide(&key("a")), Decision::Overloaded);
        assert_eq!(permit.decide(&key("b")), Decision::Admit);
        permit.hold_under(&key("b"));
        let waiting = admission.accept().unwrap();
        assert_eq!(waiting.decide(&key("c")), Decision::Overloaded);
        held.clear();
        assert_eq!(waiting.decide(&key("c")), Decision::Admit);
        assert_eq!(waiting.decide(&key("a")), Decision::Admit);
    }

    #[test]
    fn draining_refuses_new_sessions_and_leaves_running_ones() {
        let admission = admission(10, 10, 10);
        let mut running = admission.accept().unwrap();
        running.hold_under(&key("a"));
        admission.drain();
        assert_eq!(running.decide(&key("a")), Decision::Admit);
        let new = admission.accept().unwrap();
        assert_eq!(new.decide(&key("a")), Decision::Draining);
    }

    #[test]
    fn a_connection_that_changes_its_key_is_counted_once() {
        let admission = admission(1, 10, 10);
        let mut permit = admission.accept().unwrap();
        permit.hold_under(&key("a"));
        permit.hold_under(&key("b"));
        permit.hold_under(&key("b"));
        assert_eq!(
            admission.load(),
            Load {
                ungreeted: 0,
                greeted: 1
            }
        );
        drop(permit);
        assert_eq!(
            admission.load(),
            Load {
                ungreeted: 0,
                greeted: 0
            }
        );
    }
}
