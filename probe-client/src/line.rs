//! What all connections of a run know together of the line that they share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use probe_core::line::{Line, Look};
use socket_facts::TcpFacts;

/// One [`Line`] for all who hold a clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedLine(Arc<Mutex<Line>>);

impl SharedLine {
    /// A handshake took so long, by the clock, and by what the kernel measured of it.
    pub(crate) fn handshake(&self, took: Duration, kernel: &TcpFacts) {
        // A SYN that was lost makes a handshake late, and no line slow: the kernel times the one that was answered.
        let at_once = kernel.total_retransmissions.is_none_or(|n| n == 0);
        if let Some(took) = kernel.rtt.or_else(|| at_once.then_some(took)) {
            self.line().handshake(took);
        }
    }

    pub(crate) fn recovered_from_losses(&self) {
        self.line().recovered_from_losses();
    }

    /// What the kernel knows of a session that began `so_far` ago and moves, or waits for a window.
    pub(crate) fn looked_at(&self, kernel: &TcpFacts, so_far: Duration) {
        let look = Look {
            round_trip: kernel.rtt,
            least_round_trip: kernel.least_rtt,
            // A device that completes handshakes and opens no window says nothing of the line.
            window_limited: kernel
                .window_limited
                .filter(|_| kernel.bytes_received.is_some_and(|bytes| bytes > 0))
                .unwrap_or_default(),
            sent_again: kernel.needed_retransmissions().unwrap_or(0),
        };
        self.line().session(&look, so_far);
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.line().is_slow()
    }

    pub(crate) fn connect_patience(&self, silence: Duration) -> Duration {
        self.line().connect_patience(silence)
    }

    pub(crate) fn silence(&self, silence: Duration) -> Duration {
        self.line().silence(silence)
    }

    /// Nothing that panics is done while it is locked.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
