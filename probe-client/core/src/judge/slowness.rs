//! Finds evidence that the path to the server is slow, and how slow. Silence on a slow path does not point to a device.

use std::time::Duration;

use super::words::duration;
use crate::line::{LONG_WAIT, SLOW_ROUND_TRIP};
use crate::measurement::{Measurement, Variation};
use crate::observation::{FailureKind, Operation};
use crate::words::counted;

/// The numbers of a session on a slow path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Slowness {
    /// The time for which the connection was open, in microseconds, without deliberate silence.
    took_us: u64,
    /// TCP payload in both directions.
    bytes: u64,
    /// Whether any bytes came from the other end.
    has_received: bool,
    round_trip_us: Option<u64>,
    least_round_trip_us: Option<u64>,
    sent_again: u32,
    /// The time spent waiting for the other end's window.
    waited_us: u64,
    /// Payload bytes each way that were planned, but left out because the path is slow.
    left_out: Option<u32>,
}

/// Returns the slowness that `measurement` shows. `None` if it does not show a slow path.
pub(super) fn of(measurement: &Measurement) -> Option<Slowness> {
    let transport = measurement.transport?;
    let session = measurement.session.as_ref();
    let farewell = session.and_then(|s| s.farewell);
    let theirs = farewell.and_then(|f| f.rtt_us).map(u64::from);
    let slowness = Slowness {
        took_us: took_us(measurement),
        has_received: transport.bytes_read > 0,
        bytes: transport.bytes_written.saturating_add(transport.bytes_read),
        round_trip_us: round_trip_us(measurement).max(theirs),
        least_round_trip_us: transport.least_rtt_us,
        sent_again: measurement.segments_sent_again(),
        waited_us: transport.window_limited_us.unwrap_or(0),
        left_out: session.and_then(|s| s.left_out),
    };
    let limit = micros(SLOW_ROUND_TRIP);
    let is_slow = still_moved(measurement)
        || slowness.left_out.is_some()
        || slowness.waits_for_a_window()
        || (slowness.sent_again >= MANY_LOSSES && slowness.is_late_by(LATE_WITH_LOSSES_US))
        || slowness.round_trip_us.is_some_and(|rtt| rtt >= limit)
        || (measurement.ran_whole()
            && measurement.loses_segments()
            && slowness.is_late_by(LATE_US));
    is_slow.then_some(slowness)
}

/// Returns the smoothed round-trip time. `None` if only the handshake shows it and its SYN was sent again: the SYN-ACK
/// may then be a repetition, which the server sent a second after a lost one.
fn round_trip_us(measurement: &Measurement) -> Option<u64> {
    let transport = measurement.transport?;
    let handshake_alone = transport.rtt_us == transport.least_rtt_us;
    let repeated = transport.syn_retransmissions.is_some_and(|n| n > 0);
    transport.rtt_us.filter(|_| !(handshake_alone && repeated))
}

/// Returns whether this end gave the session up while its bytes still moved.
pub(super) fn still_moved(measurement: &Measurement) -> bool {
    measurement
        .failure()
        .is_some_and(|(_, failure)| failure.kind == FailureKind::Slow)
}

/// Returns the slowness of the first session that shows any. All sessions are with one server over one path.
pub(super) fn of_any<'a>(all: impl IntoIterator<Item = &'a Measurement>) -> Option<Slowness> {
    all.into_iter()
        .find_map(|m| of(m).or_else(|| m.compared(Variation::InNothing).find_map(of)))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn took_us(measurement: &Measurement) -> u64 {
    let all = measurement.observations.iter();
    let open = all.filter(|o| o.operation > Operation::Connect && o.operation != Operation::Hold);
    open.map(|o| o.duration_us).fold(0, u64::saturating_add)
}

impl Slowness {
    /// Returns whether the session took at least `us` microseconds longer than its round trips.
    fn is_late_by(&self, us: u64) -> bool {
        let turns = self.least_round_trip_us.unwrap_or(0).saturating_mul(TURNS);
        self.took_us.saturating_sub(turns) >= us
    }

    /// Returns whether the session spent most of its time waiting for the other end's window. The server reads
    /// everything that arrives, so a device must have changed the window on the way.
    ///
    /// A session with a device that completes handshakes and never opens a window does not count: such a device sends
    /// nothing.
    fn waits_for_a_window(&self) -> bool {
        self.has_received
            && self.waited_us >= micros(LONG_WAIT)
            && self.waited_us >= self.took_us / 2
    }

    /// Returns the slowness in words, for people.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("{} bytes in {}", self.bytes, duration(self.took_us));
        if let Some(rate) = self.bytes.saturating_mul(8_000).checked_div(self.took_us) {
            text.push_str(&format!(" ({rate} kbit/s)"));
        }
        match (self.least_round_trip_us, self.round_trip_us) {
            (Some(least), Some(smoothed)) if smoothed > least => text.push_str(&format!(
                ", round trips of {} at least and {} smoothed ({} of it in queues or spent on \
                 losses)",
                duration(least),
                duration(smoothed),
                duration(smoothed - least)
            )),
            (_, Some(smoothed)) => {
                text.push_str(&format!(", round trips of {}", duration(smoothed)));
            }
            (_, None) => {}
        }
        text.push_str(&format!(
            ", {} sent again",
            counted(self.sent_again, "segment")
        ));
        if self.waits_for_a_window() {
            text.push_str(&format!(
                ", {} of it waiting for the other end's window (a device may change TCP's window \
                 or window scale)",
                duration(self.waited_us)
            ));
        }
        if let Some(bytes) = self.left_out {
            text.push_str(&format!(
                "; {bytes} payload bytes each way were left out to end in time"
            ));
        }
        text
    }
}

/// Round trips of a whole session: handshakes, greeting and the exchanges, slow start included.
const TURNS: u64 = 20;

/// The number of retransmissions that shows a slow path if the session is also late by [`LATE_WITH_LOSSES_US`].
///
/// A session has 140 segments. It loses far fewer than this at a loss rate of one in twenty. A device that drops its
/// segments causes far fewer too, because each retransmission timeout is twice as long as the one before. Reordering
/// causes as many retransmissions, but does not delay anything.
const MANY_LOSSES: u32 = 24;
const LATE_WITH_LOSSES_US: u64 = 2_500_000;

/// The delay of a session that ran whole, in microseconds beyond its round trips, that shows a slow path.
const LATE_US: u64 = 5_000_000;
