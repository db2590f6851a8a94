//! Limits how fast packets of one kind are sent, for the whole run.

use std::time::Duration;

/// Limits a rate. A burst passes at first, so that a clean run takes no longer; then one turn follows another.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    between: Duration,
    /// The time by which a turn may be ahead of the even pace.
    ahead: Duration,
    /// The time at which the last turn would have been without the burst.
    last: Option<Duration>,
}

impl Rate {
    /// The rate of surveys. As far as is known, no firewall takes 50 SYNs per second for a scan or a flood.
    pub const OF_SURVEYS: Self = Self {
        between: BETWEEN_TURNS,
        ahead: Duration::ZERO,
        last: None,
    };

    /// The rate of side connections, with a burst of 100: seven ports with eleven side connections each, and some to
    /// spare.
    pub const OF_SIDE_CONNECTIONS: Self = Self {
        between: BETWEEN_TURNS,
        ahead: Duration::from_millis(20 * 99),
        last: None,
    };

    /// The rate of side connections to ports that let no SYN in. It is separate from the rate for ports that work, so
    /// that evidence about a fault does not wait for connections to ports without one.
    pub const OF_EARLY_CONNECTIONS: Self = Self::OF_SIDE_CONNECTIONS;

    /// Returns when a caller that asks at `now` may go on. Both are times since the run's start.
    pub fn next(&mut self, now: Duration) -> Duration {
        let due = self.last.map_or(now, |last| (last + self.between).max(now));
        self.last = Some(due);
        due.saturating_sub(self.ahead).max(now)
    }
}

/// 50 turns per second.
const BETWEEN_TURNS: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_a_hundred_is_followed_by_fifty_a_second() {
        let (mut rate, now) = (Rate::OF_SIDE_CONNECTIONS, Duration::from_secs(1));
        for _ in 0..100 {
            assert_eq!(rate.next(now), now);
        }
        for turn in 1..=50 {
            assert_eq!(rate.next(now), now + BETWEEN_TURNS * turn);
        }
        let later = now + Duration::from_secs(60);
        assert_eq!(rate.next(later), later);
    }

    #[test]
    fn surveys_have_no_burst() {
        let (mut rate, now) = (Rate::OF_SURVEYS, Duration::ZERO);
        for turn in 0..=50 {
            assert_eq!(rate.next(now), BETWEEN_TURNS * turn);
        }
    }
}
