//! The server's clocks: time since its start, which deadlines use, and the date, which the server only reports to
//! others.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use echo_core::time::UnixMillis;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    date_at_start: UnixMillis,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            date_at_start: date(),
        }
    }

    /// Returns the time since the server's start.
    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the time `since_start` as an `Instant`, for a timer.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        self.started + since_start
    }

    /// Returns the date, which may be set at any time.
    pub(crate) fn wall(self) -> UnixMillis {
        date()
    }

    /// Returns the date at the server's start plus the time since. Connections get their times from this clock, and
    /// clients ask for connections by these times. Setting the date while the server runs therefore hides no
    /// connection.
    pub(crate) fn steady(self) -> UnixMillis {
        let since = u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX);
        UnixMillis(self.date_at_start.0.saturating_add(since))
    }
}

fn date() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock that shows a date before 1970 was never set. The client reports how far the server's clock is off.
    let millis = since.map_or(0, |since| since.as_millis());
    UnixMillis(u64::try_from(millis).unwrap_or(u64::MAX))
}
