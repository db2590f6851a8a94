//! The server's clocks: time since its start, which deadlines use, and the date, which is only told to others.

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

    /// Since the server's start.
    pub(crate) fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// The moment that `since_start` stands for, for a timer.
    pub(crate) fn at(self, since_start: Duration) -> Instant {
        self.started + since_start
    }

    /// The date, which may be set at any moment.
    pub(crate) fn wall(self) -> UnixMillis {
        date()
    }

    /// The date as it was at the start, and the time since: connections are dated by it, and clients ask
    /// about them by it, so that none is missed because the date was set in between.
    pub(crate) fn steady(self) -> UnixMillis {
        let since = u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX);
        UnixMillis(self.date_at_start.0.saturating_add(since))
    }
}

fn date() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 is one that was never set; the client sees how far it is off.
    let millis = since.map_or(0, |since| since.as_millis());
    UnixMillis(u64::try_from(millis).unwrap_or(u64::MAX))
}
