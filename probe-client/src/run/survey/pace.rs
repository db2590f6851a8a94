//! Limits how fast surveys send, for the whole run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out turns, one after another.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits for the next turn.
    pub(crate) async fn turn(&self) {
        let turn = {
            // It is a single value, so a panic elsewhere cannot leave it half updated.
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |at| at.max(now));
            *next = Some(turn + BETWEEN_TURNS);
            turn
        };
        sleep_until(turn).await;
    }
}

/// 50 SYNs per second: as far as is known, no firewall takes that for a scan or a flood.
const BETWEEN_TURNS: Duration = Duration::from_millis(20);
