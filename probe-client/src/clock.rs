//! The run's clock: microseconds since its start, and the wall clock where a date is wanted.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Started once per run and copied to every probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started: Instant,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Since the run's start.
    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// When `since_start` is reached.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        self.started + since_start
    }

    pub(crate) fn now_us(self) -> u64 {
        u64::try_from(self.now().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds since 1970 by this host's clock; 0 where it stands before that.
pub(crate) fn wall_unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
