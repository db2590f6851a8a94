//! Finds where a session died: in which direction bytes were lost, and how many had arrived before them.

use crate::measurement::{MatchedBy, Measurement, Sighting};

/// A direction in which bytes travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Up,
    Down,
}

/// The point at which a session died, as far as both ends together know. `None` means that a part is unknown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct LossPoint {
    pub(super) way: Option<Way>,
    /// TCP payload that had arrived in that direction, in bytes, TLS records and envelopes included.
    pub(super) passed: Option<u64>,
    /// The largest amount of TCP payload, in bytes, that was sent in that direction after `passed` and did not arrive.
    pub(super) in_flight: Option<u64>,
}

/// Returns the loss point of a session that did not run to its end.
pub(super) fn of(measurement: &Measurement) -> LossPoint {
    let way = way(measurement);
    let transport = measurement.transport;
    let passed = match way {
        Some(Way::Up) => match sighting(measurement) {
            Some(sighting) => Some(sighting.bytes_received),
            // `bytes_acknowledged` counts the SYN as one byte.
            None => transport
                .and_then(|t| t.bytes_acknowledged)
                .map(|acknowledged| acknowledged.saturating_sub(1)),
        },
        Some(Way::Down) => transport.map(|t| t.bytes_read),
        None => None,
    };
    LossPoint {
        way,
        passed,
        in_flight: passed.and_then(|passed| in_flight(measurement, way?, passed)),
    }
}

fn in_flight(measurement: &Measurement, way: Way, passed: u64) -> Option<u64> {
    let transport = measurement.transport?;
    match way {
        Way::Up => {
            let segments = u64::from(transport.unacknowledged_segments?);
            let sent = segments.saturating_mul(u64::from(transport.send_mss?));
            Some(sent.min(transport.bytes_written.saturating_sub(passed)))
        }
        Way::Down => Some(sighting(measurement)?.bytes_sent.saturating_sub(passed)),
    }
}

fn way(measurement: &Measurement) -> Option<Way> {
    let stages = measurement.session.as_ref().map_or(&[][..], |s| &s.stages);
    let stopped = stages
        .iter()
        .find(|stage| !(stage.up.complete && stage.down.complete));
    // The server's confirmations are beyond doubt.
    if let Some(stage) = stopped {
        if stage.up.complete {
            return Some(Way::Down);
        }
        if stage.up.confirmed.is_some() {
            return Some(Way::Up);
        }
    }
    let transport = measurement.transport?;
    if let Some(sighting) = sighting(measurement) {
        return Some(if sighting.bytes_received < transport.bytes_written {
            Way::Up
        } else {
            Way::Down
        });
    }
    // A device may acknowledge in the server's place. Only unacknowledged segments show a direction: they did not
    // arrive.
    let lost = transport.unacknowledged_segments.is_some_and(|n| n > 0);
    lost.then_some(Way::Up)
}

/// Returns the sighting that the server attributes to this session by its first bytes, if it is the only one. Several
/// connections from this address may have been open at the same time.
fn sighting(measurement: &Measurement) -> Option<&Sighting> {
    match measurement.sighting.as_ref()?.sightings.as_slice() {
        [one] if one.matched_by == MatchedBy::Digest => Some(one),
        _ => None,
    }
}

impl Way {
    /// Returns the direction in words, for people.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Up => "on the way to the server",
            Self::Down => "on the way from the server",
        }
    }
}

/// Payload, in bytes, that may be in flight or in a device's buffers when a session dies.
pub(super) const ON_ITS_WAY: u64 = 8 * 1024;
