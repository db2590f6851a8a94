//! A moment by two clocks.

use std::time::Duration;

/// A moment as two clocks show it. Neither suffices alone: the first may stop while the host sleeps, and the second can
/// be set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// The time since some start, by a clock that nobody can set.
    pub running: Duration,
    /// The date, as the time since 1970.
    pub date: Duration,
}

impl Moment {
    /// Returns the moment `later` than this one, if both clocks go on.
    pub(super) fn after(self, later: Duration) -> Self {
        Self {
            running: self.running.saturating_add(later),
            date: self.date.saturating_add(later),
        }
    }

    /// Returns the time from `now` until this moment: by the clock that shows less.
    pub(super) fn since(self, now: Self) -> Duration {
        let running = self.running.saturating_sub(now.running);
        running.min(self.date.saturating_sub(now.date))
    }
}
