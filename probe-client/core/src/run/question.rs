//! Describes a session to the server, so that the server finds its sightings of it.

use std::time::Duration;

use proto::wire;

use super::budget::BUDGET;
use super::syns::connects;
use crate::control_record::ServerDescription;
use crate::measurement::{Measurement, Outcome};
use crate::session::SentPrefix;

/// The clocks of this run and of the server that is asked, at the time of the question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clocks {
    /// The run's start, in milliseconds since 1970 by this host's clock.
    started_unix_ms: u64,
    /// The time of the question, in microseconds since the run's start.
    now_us: u64,
    theirs: TheirClock,
}

impl Clocks {
    /// Returns the clocks of a run that started at `started_unix_ms` and of the server that described itself as
    /// `description`. The question is asked at `now_us`.
    pub fn new(started_unix_ms: u64, now_us: u64, description: &ServerDescription) -> Self {
        Self {
            started_unix_ms,
            now_us,
            theirs: TheirClock::of(description, now_us),
        }
    }

    /// Returns the date of `since_start_us` by this host's clock, in milliseconds since 1970.
    fn unix_ms(self, since_start_us: u64) -> u64 {
        self.started_unix_ms.saturating_add(since_start_us / 1_000)
    }
}

/// The server's clock, compared with this run's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct TheirClock {
    offset_ms: i64,
    /// The possible error of the comparison, in milliseconds.
    doubt_ms: u64,
}

impl TheirClock {
    /// Returns the server's clock according to its `description`, as of `now_us` of the run.
    fn of(description: &ServerDescription, now_us: u64) -> Self {
        // The server read its clock at some time during the round trip.
        let read = description.round_trip_us / 2_000;
        let drift = now_us / 1_000 / DRIFT;
        Self {
            offset_ms: description.clock_offset_ms,
            doubt_ms: read + drift + ROUNDING_MS,
        }
    }

    fn of_ours(self, unix_ms: u64) -> u64 {
        unix_ms.saturating_add_signed(self.offset_ms)
    }
}

/// Describes the connection of `m` to the server, with times by the server's clock. There is one description for each
/// port on which the server may have accepted the connection.
pub fn sent(m: &Measurement, tag: u32, clocks: Clocks) -> impl Iterator<Item = wire::Sent> {
    let to_dialled = to_port_dialled(m, tag, clocks);
    m.ports_meant().map(move |port| wire::Sent {
        port: port.into(),
        ..to_dialled.clone()
    })
}

fn to_port_dialled(m: &Measurement, tag: u32, clocks: Clocks) -> wire::Sent {
    let prefixes = m.session.as_ref().map_or_else(Vec::new, |session| {
        session.first_sent.iter().map(wire_prefix).collect()
    });
    let connect = m.observations.iter().find(|o| connects(o));
    let theirs = clocks.theirs;
    let started_ms = clocks.unix_ms(connect.map_or(0, |o| o.start_us));
    let until_us = match connect.filter(|o| o.failure.is_none()) {
        // A server accepts once the handshake is complete, however the session ends. But if its last ACK was lost,
        // nothing comes back, and the server may accept later.
        Some(_) if m.transport.is_some_and(|t| t.bytes_read == 0) => next_us(m),
        Some(connected) => Some(connected.end_us()),
        // The server looks for half-open connections when it is asked.
        None => None,
    };
    let until_us = until_us.unwrap_or(clocks.now_us);
    let ended_ms = clocks.unix_ms(until_us);
    wire::Sent {
        tag,
        port: m.port_dialled().into(),
        prefixes,
        // A run that ended right before this one may have left connections to the same port.
        from_unix_ms: theirs.of_ours(started_ms).saturating_sub(theirs.doubt_ms),
        until_unix_ms: theirs.of_ours(ended_ms) + theirs.doubt_ms + LATE_MS,
        session_id: m
            .session
            .as_ref()
            .map(|session| session.session_id.0.to_vec())
            .unwrap_or_default(),
        source_port: m.local.map_or(0, |local| local.port().into()),
        // The caller sets this if it asks over the same path.
        same_ip_version: false,
    }
}

/// Returns how long the server is to go on looking for connections of `measurements`. This is zero if none of their
/// SYNs was let in, since each SYN has had time to arrive.
pub fn follow(measurements: &[&Measurement]) -> Duration {
    let mut outcomes = measurements.iter().map(|m| m.outcome());
    let not_let_in = outcomes.all(|outcome| {
        let turned_away = matches!(outcome, Outcome::Refused | Outcome::Prohibited);
        turned_away || outcome == Outcome::Silent
    });
    if not_let_in {
        Duration::ZERO
    } else {
        BUDGET.follow
    }
}

/// Returns when the first variation of `m` began, which is another connection to the same port.
fn next_us(m: &Measurement) -> Option<u64> {
    let beside = m.variations.iter().map(|c| &c.measurement);
    let dialled = beside.flat_map(|m| &m.observations).filter(|o| connects(o));
    dialled.map(|o| o.start_us).min()
}

/// Returns `prefix` in the form that the server receives.
pub fn wire_prefix(prefix: &SentPrefix) -> wire::Prefix {
    wire::Prefix {
        bytes: prefix.bytes,
        sha256: prefix.sha256.0.to_vec(),
    }
}

/// Two clocks that are both slewed drift apart by at most one second in a thousand (adjtimex: 500 ppm each).
const DRIFT: u64 = 1_000;

/// Rounding error: times are in whole milliseconds.
const ROUNDING_MS: u64 = 10;

/// How late a busy server may accept or notice a connection.
const LATE_MS: u64 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::Recorded;

    #[test]
    fn the_server_goes_on_looking_only_for_connections_that_were_accepted() {
        let document = Recorded::read(include_str!("../../tests/scenarios/demo.json"));
        let probes = document.probes.iter().map(|probe| &probe.measurement);
        let (not_let_in, accepted): (Vec<&Measurement>, Vec<&Measurement>) =
            probes.partition(|m| !m.connected());
        assert!(!not_let_in.is_empty() && !accepted.is_empty());
        assert_eq!(follow(&not_let_in), Duration::ZERO);
        assert_eq!(follow(&accepted), BUDGET.follow);
        assert_eq!(follow(&[not_let_in, accepted].concat()), BUDGET.follow);
    }

    #[test]
    fn the_servers_clock_is_known_to_half_a_round_trip_and_drifts() {
        let description = |round_trip_us| ServerDescription {
            version: String::new(),
            instance: String::new(),
            listeners: Vec::new(),
            your_address: None,
            sees_half_open: true,
            sees_every_syn: false,
            clock_offset_ms: -40,
            round_trip_us,
            began_us: None,
        };
        let doubt = |round_trip_us, now_us| {
            let clock = TheirClock::of(&description(round_trip_us), now_us);
            assert_eq!(clock.of_ours(1_000), 960);
            clock.doubt_ms
        };
        assert_eq!(doubt(2_000, 0), 11);
        assert_eq!(doubt(300_000, 4_000_000), 150 + 4 + 10);
    }
}
