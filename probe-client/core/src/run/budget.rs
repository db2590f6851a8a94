//! Every wait of a run in one place, each with its reason and its source.

use std::time::Duration;

/// The waiting times of the steps of a run, each with its purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    /// How long the control port is dialled before all others. The system repeats SYNs in the order in which they were
    /// sent, but only to the resolution of its timers: 4 ms on Linux with 250 ticks a second.
    pub lead: Duration,
    /// Time after which a port counts as silent: the first SYN and its repetition a second later (RFC 6298 section 2)
    /// are then both unanswered.
    pub unanswered: Duration,
    /// Idle timeout of a session that is dialled once more: time for the first SYN and one repetition.
    pub dialled_again: Duration,
    /// Time limit for side connections that are dialled again one at a time. It is enough for some fourteen of them,
    /// and more would hardly show anything else. With it, a run under a limit on new connections ends within a minute.
    pub dialled_by_flow: Duration,
    /// Time for the first SYN of a side connection and its repetition, on a path without delay.
    pub two_syns: Duration,
    /// Time for one SYN: less than the second after which the system would repeat it.
    pub one_syn: Duration,
    /// The shortest time for one SYN of a side connection, on a path without delay.
    pub least_for_one_syn: Duration,
    /// Time between two dials, a little more than a second because limits are set per second.
    pub spacing: Duration,
    /// Pause that is long enough for a limit of one SYN per second to recover from earlier SYNs.
    pub quiet: Duration,
    /// Added to twice the time that the probes took. If all of them completed, the reference probe is given up after
    /// that time.
    pub grace: Duration,
    /// How long the server goes on looking for a connection. A busy server may not have accepted it yet, if it was
    /// reset immediately.
    pub follow: Duration,
    /// Time limit of a leading port's survey. With it, a run in which every port is silent ends in less than four
    /// seconds.
    pub survey: Duration,
    /// Time limit of a survey if there is a port to compare with.
    pub survey_comparing: Duration,
    /// Time limit of all surveys that follow a leading one; at the run's pace each needs a few hundred milliseconds.
    pub survey_following: Duration,
    /// Time for an answer to a survey's SYN if no round trip has been measured. ICMP errors come later than TCP's
    /// answers.
    pub hop_unknown: Duration,
    /// The shortest time for an answer to a survey's SYN, on a path without delay.
    pub hop_least: Duration,
    /// Round trip to assume if none has been measured.
    pub unknown_round_trip: Duration,
    /// Longest handshake for which a session's third SYN, sent after two seconds, is answered before the session gives
    /// up.
    pub fast_handshake: Duration,
    /// Time limit of one session that is run again alone on a slow line.
    pub slow_session: Duration,
    /// Time since the run's start after which no session begins on a slow line. A run then ends within a minute,
    /// including the last session and the surveys of failing ports.
    pub slow_run: Duration,
}

/// The budget of every run.
pub const BUDGET: Budget = Budget {
    lead: Duration::from_millis(5),
    unanswered: Duration::from_millis(1_200),
    dialled_again: Duration::from_millis(2_500),
    dialled_by_flow: Duration::from_secs(16),
    two_syns: Duration::from_millis(1_300),
    one_syn: Duration::from_millis(900),
    least_for_one_syn: Duration::from_millis(250),
    spacing: Duration::from_millis(1_100),
    quiet: Duration::from_millis(1_500),
    grace: Duration::from_millis(100),
    follow: Duration::from_millis(500),
    survey: Duration::from_millis(2_200),
    survey_comparing: Duration::from_secs(4),
    survey_following: Duration::from_secs(4),
    hop_unknown: Duration::from_millis(600),
    hop_least: Duration::from_millis(250),
    unknown_round_trip: Duration::from_millis(200),
    fast_handshake: Duration::from_millis(250),
    slow_session: Duration::from_secs(12),
    slow_run: Duration::from_secs(38),
};

impl Budget {
    /// Returns how long to wait for the answer to one SYN of a side connection, if handshakes take `round_trip`.
    pub fn for_one_syn(&self, round_trip: Duration) -> Duration {
        (round_trip * 4).clamp(self.least_for_one_syn, self.one_syn)
    }

    /// Returns how long to wait for the answer to a survey's SYN, if handshakes take `round_trip`, which is `None` if
    /// no handshake succeeded.
    pub fn for_a_hop(&self, round_trip: Option<Duration>) -> Duration {
        round_trip.map_or(self.hop_unknown, |round_trip| {
            (round_trip * 4).clamp(self.hop_least, self.one_syn)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_syn_is_waited_for_less_than_a_second() {
        let milliseconds = Duration::from_millis;
        for (round_trip, side, hop) in [(20, 250, 250), (150, 600, 600), (800, 900, 900)] {
            assert_eq!(
                BUDGET.for_one_syn(milliseconds(round_trip)),
                milliseconds(side)
            );
            assert_eq!(
                BUDGET.for_a_hop(Some(milliseconds(round_trip))),
                milliseconds(hop)
            );
        }
        assert_eq!(BUDGET.for_a_hop(None), milliseconds(600));
    }
}
