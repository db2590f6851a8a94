//! A limit on how fast surveys send, shared by all of a run.

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
            // One value: a panic elsewhere leaves it whole.
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |at| at.max(now));
            *next = Some(turn + BETWEEN_TURNS);
            turn
        };
        sleep_until(turn).await;
    }
}

/// 50 a second: no firewall takes that for a scan or a flood, as far as is known.
const BETWEEN_TURNS: Duration = Duration::from_millis(20);
