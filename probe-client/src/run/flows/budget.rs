//! Limits how fast side connections are opened, for the whole run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out turns: a burst at first, so that a clean run takes no longer, and then one after another.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// When the last turn would have been without the burst.
    last: Mutex<Option<Instant>>,
}

impl Budget {
    /// Waits for the next turn.
    pub(crate) async fn turn(&self) {
        sleep_until(self.next(Instant::now())).await;
    }

    /// Returns when a caller that asks at `now` may go on.
    fn next(&self, now: Instant) -> Instant {
        // It is a single value, so a panic elsewhere cannot leave it half updated.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.map_or(now, |last| (last + BETWEEN_TURNS).max(now));
        *last = Some(due);
        due.checked_sub(AHEAD).map_or(now, |turn| turn.max(now))
    }
}

/// 50 turns per second, the same rate as surveys.
const BETWEEN_TURNS: Duration = Duration::from_millis(20);

/// A burst of 100: seven ports with eleven side connections each, and some to spare.
const AHEAD: Duration = Duration::from_millis(20 * 99);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_a_hundred_is_followed_by_fifty_a_second() {
        let (budget, now) = (Budget::default(), Instant::now());
        for _ in 0..100 {
            assert_eq!(budget.next(now), now);
        }
        for turn in 1..=50 {
            assert_eq!(budget.next(now), now + BETWEEN_TURNS * turn);
        }
        let later = now + Duration::from_secs(60);
        assert_eq!(budget.next(later), later);
    }
}
