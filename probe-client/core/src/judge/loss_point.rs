//! Where a session stood when it died: which way the bytes were going that did not arrive, and how many
//! had before them.

use crate::measurement::{MatchedBy, Measurement, Sighting};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Up,
    Down,
}

/// As far as both ends together know; absent is not known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct LossPoint {
    pub(super) way: Option<Way>,
    /// TCP payload that had passed that way, TLS records and envelopes included.
    pub(super) passed: Option<u64>,
}

/// Of a session that did not run to its end.
pub(super) fn of(measurement: &Measurement) -> LossPoint {
    let way = way(measurement);
    let transport = measurement.transport;
    let passed = match way {
        Some(Way::Up) => match sighting(measurement) {
            Some(sighting) => Some(sighting.bytes_received),
            // The SYN counts as one.
            None => transport
                .and_then(|t| t.bytes_acknowledged)
                .map(|acknowledged| acknowledged.saturating_sub(1)),
        },
        Some(Way::Down) => transport.map(|t| t.bytes_read),
        None => None,
    };
    LossPoint { way, passed }
}

fn way(measurement: &Measurement) -> Option<Way> {
    let stages = measurement.session.as_ref().map_or(&[][..], |s| &s.stages);
    let stopped = stages
        .iter()
        .find(|stage| !(stage.up.complete && stage.down.complete));
    // What the server confirmed is beyond doubt.
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
    // Whatever acknowledged it may not be the server; whatever did not, was not reached.
    let lost = transport.unacknowledged_segments.is_some_and(|n| n > 0);
    lost.then_some(Way::Up)
}

/// The one connection that the server attributes to it by its first bytes: others of this address may
/// have been there at the same time.
fn sighting(measurement: &Measurement) -> Option<&Sighting> {
    match measurement.sighting.as_ref()?.sightings.as_slice() {
        [one] if one.matched_by == MatchedBy::Digest => Some(one),
        _ => None,
    }
}

impl Way {
    /// For people.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Up => "on the way to the server",
            Self::Down => "on the way from the server",
        }
    }
}

/// Payload that may be on its way when a session dies, in bytes: in a device's buffers, or in flight.
pub(super) const ON_ITS_WAY: u64 = 8 * 1024;
