//! The facts about the line that all connections of a run share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use probe_core::line::{Line, Look};
use probe_core::measurement::{OneWay, SentAgain};
use socket_facts::TcpFacts;

/// One [`Line`], shared by all clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedLine(Arc<Mutex<Line>>);

impl SharedLine {
    /// Records how long a handshake took, by the clock and by the kernel's measurement.
    pub(crate) fn handshake(&self, took: Duration, kernel: &TcpFacts) {
        // A lost SYN makes a handshake late on a fast line too. The kernel times only the SYN that was answered.
        let at_once = kernel.total_retransmissions.is_none_or(|n| n == 0);
        if let Some(took) = kernel.rtt.or_else(|| at_once.then_some(took)) {
            self.line().handshake(took);
        }
    }

    pub(crate) fn recovered_from_losses(&self) {
        self.line().recovered_from_losses();
    }

    /// Records the kernel's facts about a session that began `so_far` ago and whose bytes still arrive, or that waits
    /// for a window.
    pub(crate) fn looked_at(&self, kernel: &TcpFacts, so_far: Duration) {
        let look = Look {
            // If the SYN was sent again, the SYN-ACK that arrived may be a repeated one too, because the first was
            // lost. The handshake then measures a round trip that is a second too long. It counts only if later
            // segments have measured the round trip again.
            round_trip: kernel.rtt.filter(|_| {
                kernel.rtt != kernel.least_rtt || kernel.total_retransmissions == Some(0)
            }),
            least_round_trip: kernel.least_rtt,
            // A device that completes handshakes and opens no window says nothing about the line.
            window_limited: kernel
                .window_limited
                .filter(|_| kernel.bytes_received.is_some_and(|bytes| bytes > 0))
                .unwrap_or_default(),
            sent_again: lost(kernel),
        };
        self.line().session(&look, so_far);
    }

    pub(crate) fn is_slow(&self) -> bool {
        self.line().is_slow()
    }

    pub(crate) fn connect_timeout(&self, silence: Duration) -> Duration {
        self.line().connect_timeout(silence)
    }

    pub(crate) fn silence(&self, silence: Duration) -> Duration {
        self.line().silence(silence)
    }

    /// Locks the line. Nothing that can panic is done while it is locked.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the number of this end's segments that were lost. Segments sent again only because others overtook them do
/// not make the line slow.
fn lost(kernel: &TcpFacts) -> u32 {
    let sent_again = SentAgain {
        up: OneWay {
            perhaps_lost: kernel.needed_retransmissions().unwrap_or(0),
            needless: kernel.duplicates_reported.unwrap_or(0),
            overtaken: kernel.reorderings_seen.unwrap_or(0),
        },
        down: OneWay::default(),
    };
    let (up, _) = sent_again.lost();
    up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_on_which_segments_overtake_each_other_is_not_slow() {
        let is_slow = |reorderings_seen| {
            let line = SharedLine::default();
            let kernel = TcpFacts {
                total_retransmissions: Some(50),
                duplicates_reported: Some(14),
                reorderings_seen: Some(reorderings_seen),
                ..TcpFacts::default()
            };
            line.looked_at(&kernel, Duration::from_millis(800));
            line.is_slow()
        };
        assert!(is_slow(0));
        assert!(!is_slow(9));
    }

    #[test]
    fn a_handshake_that_was_repeated_makes_no_slow_line() {
        let is_slow = |total_retransmissions, least| {
            let line = SharedLine::default();
            let kernel = TcpFacts {
                rtt: Some(Duration::from_millis(1_028)),
                least_rtt: Some(Duration::from_millis(least)),
                total_retransmissions: Some(total_retransmissions),
                ..TcpFacts::default()
            };
            line.looked_at(&kernel, Duration::from_millis(800));
            line.is_slow()
        };
        assert!(is_slow(0, 1_028));
        assert!(!is_slow(1, 1_028));
        assert!(is_slow(1, 900));
    }
}
