//! The facts that a run's connections show about the line they share: its round-trip time, and whether it loses
//! packets. The time to wait and the amount to send follow from that.

use std::time::Duration;

/// The system's figures for one connection at one moment; `None` if not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// The smoothed round-trip time.
    pub round_trip: Option<Duration>,
    /// The shortest round-trip time so far.
    pub least_round_trip: Option<Duration>,
    /// The time for which bytes waited for the peer's receive window.
    pub window_limited: Duration,
    /// Segments that had to be sent again, without SYNs.
    pub sent_again: u32,
}

/// The facts known about a line so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    quickest_handshake: Option<Duration>,
    struggling: u32,
    is_slow: bool,
}

impl Line {
    /// Records the time until a SYN was answered.
    pub fn handshake(&mut self, took: Duration) {
        let quickest = self
            .quickest_handshake
            .map_or(took, |known| known.min(took));
        self.quickest_handshake = Some(quickest);
    }

    /// Records a connection that recovered from losing the same segment more than once; call this once per connection.
    pub fn recovered_from_losses(&mut self) {
        self.struggling += 1;
    }

    /// Records that a session has lasted for `so_far` and has not ended.
    pub fn session(&mut self, look: &Look, so_far: Duration) {
        self.is_slow |= look.round_trip.is_some_and(|rtt| rtt >= SLOW_ROUND_TRIP);
        let least = look.least_round_trip.unwrap_or_default();
        let late = so_far.saturating_sub(least * TURNS);
        let lossy = look.sent_again > 0;
        self.is_slow |= look.window_limited >= LONG_WAIT;
        self.is_slow |= look.sent_again >= MANY_LOSSES;
        self.is_slow |= late >= if lossy { LATE_WITH_LOSS } else { LATE };
    }

    /// Returns whether the line is slow, so that optional data should not be sent over it.
    pub fn is_slow(&self) -> bool {
        self.is_slow
            || self
                .quickest_handshake
                .is_some_and(|took| took >= SLOW_ROUND_TRIP)
    }

    /// Returns how long to wait for the answer to a SYN; `silence` is the timeout used elsewhere.
    pub fn connect_timeout(&self, silence: Duration) -> Duration {
        let round_trips = self.quickest_handshake.unwrap_or_default() * ROUND_TRIPS;
        round_trips.clamp(silence, silence.max(LONGEST_CONNECT))
    }

    /// Returns how much silence to accept on an established connection.
    ///
    /// If several connections lost the same segment more than once and recovered, one more timeout does not mean the
    /// end: each timeout is twice as long as the one before (RFC 6298 section 5.5).
    pub fn silence(&self, silence: Duration) -> Duration {
        if self.struggling >= ENOUGH {
            silence.max(LOSSY_SILENCE)
        } else {
            silence
        }
    }
}

/// The round-trip time from which a line is slow.
///
/// A system sends a SYN again after one second (RFC 6298 section 2.1), so on such a line nothing arrives in time.
pub const SLOW_ROUND_TRIP: Duration = Duration::from_secs(1);

/// Round trips of a whole session on a good line: handshake, TLS, greeting and the rest, slow start included.
const TURNS: u32 = 12;

/// The time beyond its round trips after which a session counts as late. A busy host is late too, but loses nothing.
const LATE_WITH_LOSS: Duration = Duration::from_millis(2_500);
const LATE: Duration = Duration::from_secs(8);

/// The wait for the peer's receive window from which a line is slow: the server reads everything that arrives.
pub const LONG_WAIT: Duration = Duration::from_secs(1);

/// The number of lost segments, out of about 70 in a session, that shows a slow line. A loss rate of one in twenty
/// causes far fewer.
const MANY_LOSSES: u32 = 16;

/// Round trips to wait for an answer: enough for a loss that only a timeout detects, and for the retransmission.
const ROUND_TRIPS: u32 = 4;
const LONGEST_CONNECT: Duration = Duration::from_secs(8);

/// Six retransmission timeouts, beginning with the minimum of 200 ms.
const LOSSY_SILENCE: Duration = Duration::from_secs(13);
const ENOUGH: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(3_500);

    fn look(rtt_ms: u64, sent_again: u32) -> Look {
        Look {
            round_trip: Some(Duration::from_millis(rtt_ms)),
            least_round_trip: Some(Duration::from_millis(rtt_ms)),
            window_limited: Duration::ZERO,
            sent_again,
        }
    }

    fn slow_after(look: &Look, so_far: Duration) -> bool {
        let mut line = Line::default();
        line.session(look, so_far);
        line.is_slow()
    }

    #[test]
    fn a_line_is_slow_by_its_round_trips_or_by_what_it_loses() {
        let seconds = Duration::from_secs;
        assert!(!slow_after(&look(50, 5), seconds(3)));
        assert!(slow_after(&look(50, 1), seconds(4)));
        assert!(!slow_after(&look(50, 0), seconds(4)));
        assert!(slow_after(&look(50, 0), seconds(9)));
        assert!(!slow_after(&look(700, 2), seconds(10)));
        assert!(slow_after(&look(1_000, 0), seconds(1)));
        assert!(slow_after(&look(50, 16), seconds(1)));
        let waiting = Look {
            window_limited: seconds(1),
            ..look(1, 0)
        };
        assert!(slow_after(&waiting, seconds(2)));
    }

    #[test]
    fn a_silent_port_is_waited_for_as_long_as_others_took() {
        let mut line = Line::default();
        assert_eq!(line.connect_timeout(SILENCE), SILENCE);
        line.handshake(Duration::from_millis(2_100));
        line.handshake(Duration::from_millis(1_800));
        assert_eq!(line.connect_timeout(SILENCE), Duration::from_millis(7_200));
        assert!(line.is_slow());
        line.handshake(Duration::from_millis(20));
        assert_eq!(line.connect_timeout(SILENCE), SILENCE);
        assert!(!line.is_slow());
    }

    #[test]
    fn losses_of_one_connection_are_no_reason_to_wait() {
        let mut line = Line::default();
        line.recovered_from_losses();
        line.recovered_from_losses();
        assert_eq!(line.silence(SILENCE), SILENCE);
        line.recovered_from_losses();
        assert_eq!(line.silence(SILENCE), LOSSY_SILENCE);
    }
}
