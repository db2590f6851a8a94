//! Makes all senders of a run wait for their turn.

use std::sync::{Mutex, PoisonError};

use probe_core::run::rate::Rate;
use tokio::time::sleep_until;

use crate::clock::RunClock;

/// One [`Rate`], for senders in parallel.
#[derive(Debug)]
pub(super) struct SharedRate(Mutex<Rate>);

impl SharedRate {
    pub(super) fn new(rate: Rate) -> Self {
        Self(Mutex::new(rate))
    }

    /// Waits for the next turn.
    pub(super) async fn turn(&self, clock: RunClock) {
        let turn = {
            // The rate is one value, so a panic elsewhere cannot leave it half updated.
            let mut rate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            clock.at(rate.next(clock.now()))
        };
        sleep_until(turn.into()).await;
    }
}
