//! Tests sessions that lose a whole flight of segments at once: they have in common the number of bytes that were sent,
//! not the number that arrived.

use super::{AGAIN, AS_TCP, DIED, End, SMALL, probe, verdict};
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, Variation, VariedSession};
use crate::session_kind::SessionKind;

/// The bytes that arrived, and the segments that were sent after them. The figures are those of observed sessions with
/// a round trip of 43 ms, behind a firewall that dropped everything once it had counted 20,000 bytes.
const SEEN: [(Option<Variation>, u64, u32); 8] = [
    (None, 1_484, 17),
    (Some(AGAIN), 1_484, 17),
    (Some(AGAIN), 1_484, 17),
    (Some(AGAIN), 1_484, 17),
    (Some(AGAIN), 1_484, 17),
    (Some(SMALL), 10_916, 33),
    (Some(AS_TCP), 16_216, 23),
    (Some(AS_TCP), 16_216, 23),
];

#[test]
fn sessions_that_lose_a_whole_flight_stall_at_a_number_of_bytes_sent() {
    let found = verdict(&seen(&SEEN));
    assert_eq!(found.id, VerdictId::StallsAfterBytes, "{}", found.claim);
    assert!(
        found.claim.contains("16216 to 26100 bytes"),
        "{}",
        found.claim
    );
}

#[test]
fn flights_without_a_byte_in_common_show_no_stall() {
    let mut apart = SEEN;
    apart[5] = (Some(SMALL), 40_000, 33);
    assert_eq!(verdict(&seen(&apart)).id, VerdictId::PayloadDropped);
}

#[test]
fn sessions_that_end_at_a_step_of_the_dialogue_show_no_stall() {
    let at_a_step = SEEN.map(|(variation, _, segments)| (variation, 1_484, segments));
    let mut probe = seen(&at_a_step);
    for session in &mut probe.variations {
        without_a_stage(&mut session.measurement);
    }
    assert_eq!(verdict(&probe).id, VerdictId::PayloadDropped);
}

#[test]
fn a_shape_that_passes_shows_no_stall() {
    let mut probe = seen(&SEEN);
    probe.variations.truncate(5);
    let passes = super::probe(SessionKind::Https, DIED, &[(AS_TCP, End::Whole); 2]);
    probe.variations.extend(passes.variations);
    assert_ne!(verdict(&probe).id, VerdictId::StallsAfterBytes);
}

/// Returns a probe whose own session completed no stage, and whose other sessions completed one.
fn seen(sessions: &[(Option<Variation>, u64, u32)]) -> Measurement {
    let variations: Vec<(Variation, End)> = sessions
        .iter()
        .filter_map(|(variation, ..)| Some(((*variation)?, DIED)))
        .collect();
    let mut probe = probe(SessionKind::Https, DIED, &variations);
    let (_, arrived, segments) = sessions[0];
    flight(&mut probe, arrived, segments);
    without_a_stage(&mut probe);
    let beside = probe.variations.iter_mut().zip(&sessions[1..]);
    for (VariedSession { measurement, .. }, (_, arrived, segments)) in beside {
        flight(measurement, *arrived, *segments);
    }
    probe
}

fn flight(measurement: &mut Measurement, arrived: u64, segments: u32) {
    let transport = measurement.transport.as_mut().unwrap();
    // The SYN counts as one byte.
    transport.bytes_acknowledged = Some(arrived + 1);
    transport.bytes_written = 90_000;
    transport.unacknowledged_segments = Some(segments);
    transport.send_mss = Some(
        transport
            .send_mss
            .filter(|mss| *mss <= 536)
            .unwrap_or(1_448),
    );
    for stage in &mut measurement.session.as_mut().unwrap().stages[1..] {
        stage.up.complete = false;
        stage.up.confirmed = None;
    }
}

fn without_a_stage(measurement: &mut Measurement) {
    let stage = &mut measurement.session.as_mut().unwrap().stages[0];
    (stage.up.complete, stage.down.complete) = (false, false);
    (stage.up.confirmed, stage.down.received) = (None, None);
}
