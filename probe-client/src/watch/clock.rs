//! The two clocks by which runs are repeated.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use probe_documents::watch::Moment;

/// A clock that does not change when the date is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the present moment by both clocks.
    pub(super) fn now(self) -> Moment {
        let date = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment {
            running: self.0.elapsed(),
            // A date before 1970 shows no passing of time; the other clock then suffices.
            date: date.unwrap_or_default(),
        }
    }
}
