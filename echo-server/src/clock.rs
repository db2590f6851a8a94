//! The server's two clocks: time since its start, which decides, and the date, which is told.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use echo_core::time::UnixMillis;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Since the server's start.
    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// The moment that `since_start` stands for, for a timer.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        self.started + since_start
    }

    pub(crate) fn wall(self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 is one that was never set; the client sees how far it is off.
        let millis = since.map_or(0, |since| since.as_millis());
        UnixMillis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}
