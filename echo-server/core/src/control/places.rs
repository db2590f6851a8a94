//! A pool of places that several keys share. No key may hold more than its share, so that one client leaves room for
//! the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::key::KeyId;

/// A fixed number of places.
#[derive(Debug)]
pub struct Places {
    all: usize,
    of_each: usize,
    held: Mutex<BTreeMap<KeyId, usize>>,
}

/// One place. Dropping it gives the place back.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    key: KeyId,
}

impl Places {
    /// Creates a pool of `all` places. One key may hold `of_each` of them.
    pub fn new(all: usize, of_each: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            of_each,
            held: Mutex::default(),
        })
    }

    /// Takes a place for `key`, if one is left for it.
    pub fn take(self: &Arc<Self>, key: &KeyId) -> Option<Place> {
        let mut held = self.held();
        let taken: usize = held.values().sum();
        if taken >= self.all || held.get(key).is_some_and(|own| *own >= self.of_each) {
            return None;
        }
        *held.entry(key.clone()).or_default() += 1;
        Some(Place {
            places: Arc::clone(self),
            key: key.clone(),
        })
    }

    pub fn taken(&self) -> usize {
        self.held().values().sum()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<KeyId, usize>> {
        // Every entry is valid without the others, so a panic elsewhere does not matter.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        if let Some(own) = held.get_mut(&self.key) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                held.remove(&self.key);
            }
        }
    }
}
