//! How long a session waits for the other end, by what still moves: bytes either way, and what the
//! kernel sees acknowledged of those that it has taken but could not yet deliver.

use std::time::Duration;

use socket_facts::TcpFacts;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Patience {
    /// How much silence is borne.
    silence: Duration,
    last_moved: Instant,
    /// Whatever moves.
    all_ends: Instant,
    next_look: Instant,
    /// At the last look.
    acknowledged: Option<u64>,
    in_flight: bool,
}

impl Patience {
    pub(super) fn new(silence: Duration, now: Instant) -> Self {
        Self {
            silence,
            last_moved: now,
            all_ends: now + silence * IN_ALL,
            next_look: now + silence.min(BETWEEN_LOOKS),
            acknowledged: None,
            in_flight: false,
        }
    }

    /// Bytes were handed over, or came.
    pub(super) fn moved(&mut self, now: Instant) {
        self.last_moved = now;
    }

    /// When [`Self::lasts`] is to be asked.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Whether there is anything left to wait for at `now`, given what the kernel knows.
    pub(super) fn lasts(&mut self, now: Instant, kernel: &TcpFacts) -> bool {
        // What was all acknowledged before says no more than that the other end's kernel is there.
        if self.in_flight && kernel.bytes_acked > self.acknowledged {
            self.last_moved = now;
        }
        self.acknowledged = kernel.bytes_acked;
        self.in_flight = kernel.unacknowledged_segments.is_some_and(|n| n > 0);
        let ends = self
            .all_ends
            .min(self.last_moved + silence_borne(self.silence, kernel));
        self.next_look = ends.min(now + BETWEEN_LOOKS);
        now < ends
    }
}

/// How much silence is borne on a path as the kernel knows it: `silence`, or more.
pub(super) fn silence_borne(silence: Duration, kernel: &TcpFacts) -> Duration {
    let round_trips = kernel.rtt.unwrap_or_default() * ROUND_TRIPS;
    round_trips.clamp(silence, silence * IN_ALL)
}

/// A session may take this many times the silence for one step: enough for 180 KiB over 100 kbit/s
/// with the default of 3.5 s.
const IN_ALL: u32 = 5;

/// A loss that only a timeout finds (RFC 6298 section 2: at least one round trip, and as a rule less
/// than two), and the way of what is sent again.
const ROUND_TRIPS: u32 = 4;

const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(3_500);

    fn kernel(acked: u64, in_flight: u32, rtt_ms: u64) -> TcpFacts {
        TcpFacts {
            bytes_acked: Some(acked),
            unacknowledged_segments: Some(in_flight),
            rtt: Some(Duration::from_millis(rtt_ms)),
            ..TcpFacts::default()
        }
    }

    /// For how long it lasts, given what the kernel knows at each time.
    fn lasted(kernel: impl Fn(Duration) -> TcpFacts) -> Duration {
        let start = Instant::now();
        let mut patience = Patience::new(SILENCE, start);
        loop {
            let now = patience.next_look();
            if !patience.lasts(now, &kernel(now - start)) {
                return now - start;
            }
        }
    }

    #[test]
    fn silence_ends_it() {
        assert_eq!(lasted(|_| TcpFacts::default()), SILENCE);
    }

    #[test]
    fn an_acknowledgement_is_no_answer() {
        assert_eq!(lasted(|_| kernel(200, 0, 50)), SILENCE);
    }

    #[test]
    fn what_stays_in_flight_is_silence() {
        assert_eq!(lasted(|_| kernel(16_000, 10, 50)), SILENCE);
    }

    #[test]
    fn what_a_slow_line_still_carries_is_waited_for() {
        let until = Duration::from_secs(6);
        let slow = |at: Duration| {
            let so_far = at.min(until);
            kernel(so_far.as_millis() as u64 * 10, u32::from(at < until), 50)
        };
        assert_eq!(lasted(slow), until + SILENCE);
    }

    #[test]
    fn a_way_of_seconds_is_given_its_round_trips() {
        assert_eq!(
            lasted(|_| kernel(200, 0, 1_800)),
            Duration::from_millis(7_200)
        );
    }

    #[test]
    fn nothing_makes_it_last_for_ever() {
        let trickle = |at: Duration| kernel(at.as_millis() as u64, 1, 60_000);
        assert_eq!(lasted(trickle), SILENCE * IN_ALL);
    }

    #[test]
    fn bytes_renew_it() {
        let start = Instant::now();
        let mut patience = Patience::new(SILENCE, start);
        let later = start + Duration::from_secs(3);
        patience.moved(later);
        assert!(patience.lasts(start + SILENCE, &TcpFacts::default()));
        assert!(!patience.lasts(later + SILENCE, &TcpFacts::default()));
    }
}
