//! The run's clock: microseconds since its start, and a date if one is needed. This host's clock is read only once, so
//! that setting it during the run does not move the run's times against each other.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock of a run, started once and copied to every probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started: Instant,
    started_unix_ms: u64,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            started_unix_ms: wall_unix_ms(),
        }
    }

    /// Returns the time since the run's start.
    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the instant `since_start` after the run's start.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        self.started + since_start
    }

    pub(crate) fn now_us(self) -> u64 {
        u64::try_from(self.now().as_micros()).unwrap_or(u64::MAX)
    }

    /// Returns the date `since_start_us` after the run's start, in milliseconds since 1970.
    pub(crate) fn unix_ms(self, since_start_us: u64) -> u64 {
        self.started_unix_ms.saturating_add(since_start_us / 1_000)
    }
}

/// Returns milliseconds since 1970 by this host's clock; 0 if it is set to an earlier date.
fn wall_unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_run_and_not_the_wall() {
        let clock = RunClock {
            started: Instant::now(),
            started_unix_ms: 1_000,
        };
        assert_eq!(clock.unix_ms(0), 1_000);
        assert_eq!(clock.unix_ms(2_500_000), 3_500);
    }
}
