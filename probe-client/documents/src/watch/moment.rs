//! A moment by two clocks.

use std::time::Duration;

/// A moment as two clocks show it. One clock is not enough: the first may stop while the
/// host sleeps, and the second can be set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// The time since some start, by a clock that nobody can set.
    pub running: Duration,
    /// The date, as the time since 1970.
    pub date: Duration,
}

impl Moment {
    /// Returns the moment that is `later` after this one, if nobody sets a clock and the host does not sleep.
    pub(super) fn after(self, later: Duration) -> Self {
        Self {
            running: self.running.saturating_add(later),
            date: self.date.saturating_add(later),
        }
    }

    /// Returns the time from `now` until this moment, by the clock on which less time is left.
    pub(super) fn since(self, now: Self) -> Duration {
        let running = self.running.saturating_sub(now.running);
        running.min(self.date.saturating_sub(now.date))
    }
}
