//! The state of every port, as far as it is known while probes are still running.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::measurement::{Measurement, Outcome};
use crate::observation::Operation;

/// The known state of each port.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PortBoard(BTreeMap<SocketAddr, PortState>);

/// The state of one port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortState {
    Fails(PortFailure),
    Works(Reference),
    /// The port works, but a device re-originates its connection, or sets its hop limit.
    Relayed(Reference),
    /// The port has answered. Its session continues, or ended in a way other than the above.
    Other,
}

/// How a port fails, as far as surveys are concerned: ports that fail alike are surveyed alike.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PortFailure {
    /// The SYN got no answer.
    Silent,
    /// The SYN was answered by RST.
    Refused,
    /// The SYN was answered by an ICMP error.
    Prohibited,
    /// The connection was accepted, and the session on it failed.
    Accepted,
}

/// A port on which a session with the server itself ran whole, or failed only after a silence kept on purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reference {
    /// The server's distance in hops, if the SYN as received shows it.
    pub distance: Option<u8>,
    /// The duration of the handshake.
    pub round_trip: Duration,
}

impl PortBoard {
    /// Records that a SYN to `address` has not been answered for a while.
    pub fn unanswered(&mut self, address: SocketAddr) {
        self.note(address, PortState::Fails(PortFailure::Silent));
    }

    /// Records that `address` has answered; the result of the session is not known yet.
    pub fn answered(&mut self, address: SocketAddr) {
        let silent = PortState::Fails(PortFailure::Silent);
        let state = self.0.entry(address).or_insert(silent);
        if *state == silent {
            *state = PortState::Other;
        }
    }

    /// Records the end of a probe. If a port has several probes, the last one counts. But a port on which a session ran
    /// whole still works, even if a later session on it is accepted and fails.
    pub fn ended(&mut self, measurement: &Measurement) {
        if let Some(address) = measurement.address {
            self.note(address, PortState::of(measurement));
        }
    }

    /// Returns whether no port of `server` has accepted a connection. Some ports may have rejected one.
    pub fn none_connects(&self, server: IpAddr) -> bool {
        self.of_server(server).all(|(_, state)| match state {
            PortState::Fails(
                PortFailure::Silent | PortFailure::Refused | PortFailure::Prohibited,
            ) => true,
            PortState::Fails(PortFailure::Accepted)
            | PortState::Works(_)
            | PortState::Relayed(_)
            | PortState::Other => false,
        })
    }

    /// Returns whether a SYN with the mark is known to have reached `server`, on any of its ports.
    pub fn passes_marked(&self, server: IpAddr) -> bool {
        let references = self.references(server);
        references.iter().any(|(_, r)| r.distance.is_some())
    }

    /// Returns the ports of `server` that work. Ports that answered their first SYN come first: whatever made the
    /// others lose a SYN (ECN, a rate limit) also loses the SYNs of a comparison.
    pub fn references(&self, server: IpAddr) -> Vec<(u16, Reference)> {
        self.of(server, |state| match state {
            PortState::Works(reference) => Some(reference),
            PortState::Relayed(_) | PortState::Fails(_) | PortState::Other => None,
        })
    }

    /// Returns the ports that work although a device re-originates their connections, or sets their hop limit.
    pub fn relayed(&self, server: IpAddr) -> Vec<(u16, Reference)> {
        self.of(server, |state| match state {
            PortState::Relayed(reference) => Some(reference),
            PortState::Works(_) | PortState::Fails(_) | PortState::Other => None,
        })
    }

    fn of(
        &self,
        server: IpAddr,
        which: impl Fn(PortState) -> Option<Reference>,
    ) -> Vec<(u16, Reference)> {
        let mut all: Vec<(u16, Reference)> = self
            .of_server(server)
            .filter_map(|(address, state)| Some((address.port(), which(*state)?)))
            .collect();
        all.sort_by_key(|(_, reference)| reference.round_trip >= SYN_REPEATED);
        all
    }

    /// Returns whether a SYN to `address` has not been answered for a while.
    pub fn is_silent(&self, address: SocketAddr) -> bool {
        self.0.get(&address) == Some(&PortState::Fails(PortFailure::Silent))
    }

    /// Returns whether `address` has answered in any way.
    pub fn has_answered(&self, address: SocketAddr) -> bool {
        let state = self.0.get(&address);
        state.is_some_and(|state| *state != PortState::Fails(PortFailure::Silent))
    }

    fn of_server(&self, server: IpAddr) -> impl Iterator<Item = (&SocketAddr, &PortState)> {
        let all = self.0.iter();
        all.filter(move |(address, _)| address.ip() == server)
    }

    fn note(&mut self, address: SocketAddr, state: PortState) {
        let worked = matches!(
            self.0.get(&address),
            Some(PortState::Works(_) | PortState::Relayed(_))
        );
        if !(worked && state == PortState::Fails(PortFailure::Accepted)) {
            self.0.insert(address, state);
        }
    }
}

impl PortState {
    fn of(measurement: &Measurement) -> Self {
        match PortFailure::of(measurement) {
            Some(outcome) => Self::Fails(outcome),
            None => of_whole(measurement).unwrap_or(Self::Other),
        }
    }
}

impl PortFailure {
    /// Returns how the probe failed; `None` if it did not, or if its failure has no place on the path.
    pub fn of(measurement: &Measurement) -> Option<Self> {
        match measurement.outcome() {
            Outcome::Silent => Some(Self::Silent),
            Outcome::Refused => Some(Self::Refused),
            Outcome::Prohibited => Some(Self::Prohibited),
            Outcome::Broken => has_a_place(measurement).then_some(Self::Accepted),
            Outcome::Unfinished
            | Outcome::Unresolved
            | Outcome::AtProxy
            | Outcome::NotSent
            | Outcome::Complete => None,
        }
    }
}

/// Returns whether something on this host's path broke a session that was accepted. A session that fails after a
/// silence began well, so nothing on the path blocks it. A session through a proxy shows nothing about this host's own
/// path.
fn has_a_place(measurement: &Measurement) -> bool {
    let operation = measurement.failure().map(|(operation, _)| operation);
    let of_silence = matches!(operation, Some(Operation::Hold | Operation::Resume));
    let direct = operation == Some(Operation::Connect) || measurement.succeeded(Operation::Connect);
    direct && !of_silence
}

/// Returns the state of a port whose session ran whole; `None` if the session reached a port other than the one
/// dialled.
fn of_whole(measurement: &Measurement) -> Option<PortState> {
    let testimony = measurement.session.as_ref()?.testimony.as_ref()?;
    let dialled = measurement.address?.port();
    let reached = testimony
        .public_port
        .or_else(|| testimony.local.map(|l| l.port()))?;
    let distance = measurement.server_distance();
    let connect = measurement
        .observations
        .iter()
        .find(|o| o.operation == Operation::Connect)?;
    let reference = Reference {
        distance,
        round_trip: Duration::from_micros(connect.duration_us),
    };
    // A connection that a device re-originates does not show how far away the server is.
    let state = if distance.is_some() || testimony.syn.is_none() {
        PortState::Works(reference)
    } else {
        PortState::Relayed(reference)
    };
    (reached == dialled).then_some(state)
}

/// The time at which an unanswered SYN is repeated (RFC 6298 section 2).
const SYN_REPEATED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_lose_no_syn_are_compared_with_first() {
        let (mut board, server) = (PortBoard::default(), IpAddr::from([192, 0, 2, 1]));
        for (port, milliseconds) in [(80, 1_030), (443, 20), (5901, 10), (5902, 3_010)] {
            let reference = Reference {
                distance: Some(2),
                round_trip: Duration::from_millis(milliseconds),
            };
            board.note(SocketAddr::new(server, port), PortState::Works(reference));
        }
        let references = board.references(server);
        let ports: Vec<u16> = references.iter().map(|(port, _)| *port).collect();
        assert_eq!(ports, [443, 5901, 80, 5902]);
    }

    #[test]
    fn an_answer_ends_the_silence_before_the_session_is_over() {
        let (mut board, server) = (PortBoard::default(), IpAddr::from([192, 0, 2, 1]));
        let address = SocketAddr::new(server, 80);
        board.unanswered(address);
        assert!(board.is_silent(address) && !board.has_answered(address));
        board.answered(address);
        assert!(!board.is_silent(address) && board.has_answered(address));
        assert!(!board.has_answered(SocketAddr::new(server, 443)));
    }

    #[test]
    fn a_mark_that_arrived_on_one_port_passes() {
        let (mut board, server) = (PortBoard::default(), IpAddr::from([192, 0, 2, 1]));
        for (port, distance, passes) in [(80, None, false), (443, Some(2), true)] {
            let reference = Reference {
                distance,
                round_trip: Duration::from_millis(20),
            };
            board.note(SocketAddr::new(server, port), PortState::Works(reference));
            assert_eq!(board.passes_marked(server), passes);
        }
    }
}
