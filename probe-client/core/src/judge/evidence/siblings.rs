//! The measurements of one server address over one path. All probes among them share this group, so each conclusion
//! from it is drawn only once.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use super::super::slowness::{self, Slowness};
use crate::measurement::{Measurement, Variation};

/// All measurements of one server address over one path, the control port's included. Clones share the conclusions.
#[derive(Clone, Debug, Default)]
pub struct Siblings<'a>(Rc<Shared<'a>>);

#[derive(Debug, Default)]
struct Shared<'a> {
    all: Vec<&'a Measurement>,
    by_chance: Cell<Option<bool>>,
    slowness: OnceCell<Option<Slowness>>,
    tallies: RefCell<HashMap<ComparedBy, Tally>>,
    lost_syns: [OnceCell<bool>; 3],
}

/// A place where ports that work may have lost SYNs because of their pace or number, relative to these measurements.
#[derive(Clone, Copy, Debug)]
pub(super) enum LostSyns {
    Here,
    /// At other addresses of the server.
    Elsewhere,
    OverOtherPaths,
}

/// A probe, by its address in memory, and the variation by which sessions differ from it.
type ComparedBy = (*const Measurement, Variation);
/// The number of sessions that ran, and the number of them that were found reachable.
type Tally = (usize, usize);

impl Siblings<'_> {
    /// Returns whether sessions that are alike end differently here. `find` is called on first need. While it runs, the
    /// answer is yes, so that no claim rests on unknown facts.
    pub(in super::super) fn by_chance(&self, find: impl FnOnce() -> bool) -> bool {
        let known = &self.0.by_chance;
        if known.get().is_none() {
            known.set(Some(true));
            known.set(Some(find()));
        }
        known.get().unwrap_or(true)
    }

    /// Returns the slowness of the first measurement that shows a slow path.
    pub(super) fn slowness(&self) -> Option<Slowness> {
        let find = || slowness::of_any(self.iter().copied());
        *self.0.slowness.get_or_init(find)
    }

    /// Returns whether SYNs were lost in this place. `find` is called on first need.
    pub(super) fn lost_syns(&self, place: LostSyns, find: impl FnOnce() -> bool) -> bool {
        *self.0.lost_syns[place as usize].get_or_init(find)
    }

    /// Returns how many sessions ran that differ from `probe` by `variation`, and how many of them were found
    /// reachable. `count` is called on first need.
    pub(in super::super) fn tally(
        &self,
        probe: &Measurement,
        variation: Variation,
        count: impl FnOnce() -> Tally,
    ) -> Tally {
        let (tallies, key) = (&self.0.tallies, (std::ptr::from_ref(probe), variation));
        let known = tallies.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let tally = count();
            tallies.borrow_mut().insert(key, tally);
            tally
        })
    }
}

impl<'a> Deref for Siblings<'a> {
    type Target = [&'a Measurement];

    fn deref(&self) -> &Self::Target {
        &self.0.all
    }
}

impl<'a> From<Vec<&'a Measurement>> for Siblings<'a> {
    fn from(all: Vec<&'a Measurement>) -> Self {
        Self(Rc::new(Shared {
            all,
            ..Shared::default()
        }))
    }
}

impl<'a> FromIterator<&'a Measurement> for Siblings<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Measurement>>(all: I) -> Self {
        all.into_iter().collect::<Vec<_>>().into()
    }
}
