//! Decides how long a session waits for the other end. Bytes in either direction count as progress, and so do
//! acknowledgements of bytes that the kernel has taken but could not deliver before.

use std::time::Duration;

use probe_core::line::LONG_WAIT;
use socket_facts::TcpFacts;
use tokio::time::Instant;

use crate::line::SharedLine;

#[derive(Debug)]
pub(super) struct IdleTimeout {
    /// The longest allowed silence.
    silence: Duration,
    begun: Instant,
    last_moved: Instant,
    /// The deadline of the wait, which holds even while bytes still arrive.
    all_ends: Instant,
    next_look: Instant,
    /// The kernel's counters at the last look.
    acknowledged: Option<u64>,
    received: Option<u64>,
    in_flight: bool,
    losses: Losses,
}

/// The number of times that the same segment was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Losses {
    Few,
    Going,
    /// The segment arrived in the end, and the line has recorded it.
    Overcome,
}

/// The result of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Something may still come.
    GoesOn,
    Silent,
    /// Bytes still arrive, but the time for the whole session is up.
    Slow,
}

impl IdleTimeout {
    pub(super) fn new(silence: Duration, all_ends: Instant, now: Instant) -> Self {
        Self {
            silence,
            begun: now,
            last_moved: now,
            all_ends,
            next_look: now + silence.min(BETWEEN_LOOKS),
            acknowledged: None,
            received: None,
            in_flight: false,
            losses: Losses::Few,
        }
    }

    /// Notes that bytes were handed over, or arrived.
    pub(super) fn moved(&mut self, now: Instant) {
        self.last_moved = now;
    }

    /// Returns when to call [`Self::look`] next.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Returns whether there is still something to wait for at `now`, by what the kernel and the `line` know.
    pub(super) fn look(&mut self, now: Instant, kernel: &TcpFacts, line: &SharedLine) -> Wait {
        let acknowledged = kernel.bytes_acked > self.acknowledged;
        let received = self.received.is_some() && kernel.bytes_received > self.received;
        if (self.in_flight && acknowledged) || received {
            // An acknowledgement counts only if something was in flight. Otherwise it shows only that the other end's
            // kernel is there.
            self.last_moved = now;
            line.looked_at(kernel, now - self.begun);
        } else if kernel.window_limited.is_some_and(|time| time >= LONG_WAIT) {
            // The fewer bytes move, the more this wait for a window shows about the line.
            line.looked_at(kernel, now - self.begun);
        }
        self.count_losses(self.in_flight && acknowledged, kernel, line);
        self.acknowledged = kernel.bytes_acked;
        self.received = kernel.bytes_received;
        self.in_flight = kernel.unacknowledged_segments.is_some_and(|n| n > 0);
        let silent_at = self.last_moved + silence_borne(line.silence(self.silence), kernel);
        self.next_look = silent_at.min(self.all_ends).min(now + BETWEEN_LOOKS);
        if now >= silent_at {
            Wait::Silent
        } else if now >= self.all_ends {
            Wait::Slow
        } else {
            Wait::GoesOn
        }
    }

    fn count_losses(&mut self, acknowledged: bool, kernel: &TcpFacts, line: &SharedLine) {
        let again = kernel.unanswered_timeouts.unwrap_or(0) >= SAME_SEGMENT;
        match self.losses {
            Losses::Few if again => self.losses = Losses::Going,
            Losses::Going if acknowledged => {
                self.losses = Losses::Overcome;
                line.recovered_from_losses();
            }
            Losses::Few | Losses::Going | Losses::Overcome => {}
        }
    }
}

/// Returns how long silence may last on a path with the kernel's round trip: `silence` or more.
fn silence_borne(silence: Duration, kernel: &TcpFacts) -> Duration {
    let round_trips = kernel.rtt.unwrap_or_default() * ROUND_TRIPS;
    round_trips.clamp(silence, silence * MOST_BORNE)
}

/// Longest silence, as a multiple of the ordinary one, however long the round trips are.
const MOST_BORNE: u32 = 5;

/// Number of round trips that silence may last: a loss that only a timeout finds takes at least one and usually less
/// than two (RFC 6298 section 2), and the retransmission takes the others.
const ROUND_TRIPS: u32 = 4;

/// The number of timeouts in a row that distinguishes a lossy line from chance.
const SAME_SEGMENT: u8 = 2;

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

    const ALL: Duration = Duration::from_secs(20);

    /// Returns how the wait ends, and after how long, given what the kernel knows at each time.
    fn ends(kernel: impl Fn(Duration) -> TcpFacts) -> (Wait, Duration) {
        let (start, line) = (Instant::now(), SharedLine::default());
        let mut idle_timeout = IdleTimeout::new(SILENCE, start + ALL, start);
        loop {
            let now = idle_timeout.next_look();
            let wait = idle_timeout.look(now, &kernel(now - start), &line);
            if wait != Wait::GoesOn {
                return (wait, now - start);
            }
        }
    }

    #[test]
    fn silence_ends_it() {
        assert_eq!(ends(|_| TcpFacts::default()), (Wait::Silent, SILENCE));
    }

    #[test]
    fn an_acknowledgement_is_no_answer() {
        assert_eq!(ends(|_| kernel(200, 0, 50)), (Wait::Silent, SILENCE));
    }

    #[test]
    fn what_stays_in_flight_is_silence() {
        assert_eq!(ends(|_| kernel(16_000, 10, 50)), (Wait::Silent, SILENCE));
    }

    #[test]
    fn what_a_slow_line_still_carries_is_waited_for() {
        let until = Duration::from_secs(6);
        let slow = |at: Duration| {
            let so_far = at.min(until);
            kernel(so_far.as_millis() as u64 * 10, u32::from(at < until), 50)
        };
        assert_eq!(ends(slow), (Wait::Silent, until + SILENCE));
    }

    #[test]
    fn a_way_of_seconds_is_given_its_round_trips() {
        assert_eq!(
            ends(|_| kernel(200, 0, 1_800)),
            (Wait::Silent, Duration::from_millis(7_200))
        );
    }

    #[test]
    fn what_still_moves_when_time_is_up_is_slow_and_not_silent() {
        let trickle = |at: Duration| kernel(at.as_millis() as u64, 1, 50);
        assert_eq!(ends(trickle), (Wait::Slow, ALL));
    }

    #[test]
    fn bytes_renew_it() {
        let (start, line) = (Instant::now(), SharedLine::default());
        let mut idle_timeout = IdleTimeout::new(SILENCE, start + ALL, start);
        let later = start + Duration::from_secs(3);
        idle_timeout.moved(later);
        let mut look = |at| idle_timeout.look(at, &TcpFacts::default(), &line);
        assert_eq!(look(start + SILENCE), Wait::GoesOn);
        assert_eq!(look(later + SILENCE), Wait::Silent);
    }

    #[test]
    fn sessions_that_recover_from_losses_make_others_wait_longer() {
        let (start, line) = (Instant::now(), SharedLine::default());
        for _ in 0..3 {
            let mut idle_timeout = IdleTimeout::new(SILENCE, start + ALL, start);
            let second = start + Duration::from_secs(1);
            let struggling = TcpFacts {
                unanswered_timeouts: Some(2),
                ..kernel(100, 1, 50)
            };
            idle_timeout.look(second, &struggling, &line);
            idle_timeout.look(second + BETWEEN_LOOKS, &kernel(300, 0, 50), &line);
        }
        assert!(line.silence(SILENCE) > SILENCE);
    }
}
