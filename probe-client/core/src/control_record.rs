//! The record of the control channel to one server address: the server's answers, or the reason why there was no
//! channel.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measurement::Measurement;
use crate::observation::Observation;
use crate::path::NetworkPath;

/// The id of the rule under which the control port is dialled, in addition to the profile's rules.
pub const CONTROL_PORT_RULE: &str = "control-port";

/// One server address and its control channel.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ControlRecord {
    pub host: String,
    /// The server's address. Absent where only the proxy knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    pub path: NetworkPath,
    pub outcome: ControlOutcome,
    /// Further instances of the server behind the same address, found by dialling again. Each different answer is
    /// listed once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ControlOutcome>,
    /// Instances that sessions reached but no control connection did, so that they could not be asked what they saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unasked: Vec<String>,
    /// Every attempt, one port after another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Observation>,
}

/// How the search for a control channel ended.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ControlOutcome {
    /// The pinned server described itself.
    Reached {
        port: u16,
        description: ServerDescription,
    },
    /// The pinned server does not accept the key: unknown, revoked or wrong.
    KeyRefused { port: u16 },
    /// The pinned server declined to answer for now.
    Declined { port: u16, text: String },
    /// No port led to the control service.
    NotReached,
    /// Every probe was verified before a control channel was needed.
    NotNeeded,
}

/// What the server reports about itself.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServerDescription {
    pub version: String,
    pub instance: String,
    pub listeners: Vec<ListenerState>,
    /// This client's address, as the control connection shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub your_address: Option<SocketAddr>,
    pub sees_half_open: bool,
    pub sees_every_syn: bool,
    /// The server's clock minus this host's, in milliseconds, give or take half a round trip.
    pub clock_offset_ms: i64,
    pub round_trip_us: u64,
    /// The start of the server's process, in microseconds since this run's start and negative before it,
    /// give or take half a round trip. Absent: the server did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_us: Option<i64>,
}

/// One listener of the server.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ListenerState {
    pub address: SocketAddr,
    /// The port that clients dial for this listener, where it differs from the listener's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_port: Option<u16>,
    pub bound: bool,
}

impl ControlRecord {
    /// Returns whether the record is for the server and the path of `measurement`.
    pub fn is_of(&self, measurement: &Measurement) -> bool {
        self.path == measurement.path
            && self.address == measurement.server()
            && (self.address.is_some() || self.host == measurement.host)
    }

    /// Returns whether the genuine server answered on this address, which shows that it is up and reachable on some
    /// port.
    pub fn shows_server_alive(&self) -> bool {
        match self.outcome {
            ControlOutcome::Reached { .. }
            | ControlOutcome::KeyRefused { .. }
            | ControlOutcome::Declined { .. } => true,
            ControlOutcome::NotReached | ControlOutcome::NotNeeded => false,
        }
    }

    pub fn description(&self) -> Option<&ServerDescription> {
        self.outcome.description()
    }

    /// Returns every instance that described itself, the one of [`description`](Self::description) first.
    pub fn instances(&self) -> impl Iterator<Item = &ServerDescription> {
        let all = std::iter::once(&self.outcome).chain(&self.others);
        all.filter_map(ControlOutcome::description)
    }

    /// Returns whether an instance that may have received a session could not be asked.
    ///
    /// In that case, it proves nothing if none of the other instances saw the session.
    pub fn lacks_an_instance(&self) -> bool {
        let silent = self.others.iter().any(|o| o.description().is_none());
        silent || !self.unasked.is_empty()
    }
}

impl ControlOutcome {
    fn description(&self) -> Option<&ServerDescription> {
        match self {
            Self::Reached { description, .. } => Some(description),
            Self::KeyRefused { .. }
            | Self::Declined { .. }
            | Self::NotReached
            | Self::NotNeeded => None,
        }
    }
}

impl ServerDescription {
    /// Returns whether the server listens on the port that `probe` dialled, or on its rule's own port.
    ///
    /// `own` is as for [`Self::listens`]. `None` if only a proxy knows the address.
    pub fn awaits(&self, probe: &Measurement, own: &[IpAddr]) -> Option<bool> {
        let address = probe.address?.ip();
        let mut ports = probe.ports_meant();
        Some(ports.any(|port| self.listens(address, port, own)))
    }

    /// Returns whether the server listens on the port that clients dial as `port`, for connections to `address`.
    ///
    /// An unspecified IPv6 listener serves both families. A listener on a loopback address serves only connections to a
    /// loopback address. `own` are the addresses under which the server's host has accepted connections to `address`; a
    /// listener on an address that is neither one of them nor `address` does not serve these connections. If `own` is
    /// empty, these addresses are not known.
    pub fn listens(&self, address: IpAddr, port: u16, own: &[IpAddr]) -> bool {
        self.listeners.iter().any(|listener| {
            let bound = listener.address.ip().to_canonical();
            let serves = if bound.is_unspecified() {
                bound.is_ipv6() || address.is_ipv4()
            } else if bound.is_loopback() {
                address.is_loopback()
            } else {
                bound.is_ipv4() == address.is_ipv4()
                    && (own.is_empty() || bound == address || own.contains(&bound))
            };
            let dialled = listener
                .public_port
                .unwrap_or_else(|| listener.address.port());
            listener.bound && serves && dialled == port
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening_on(address: &str) -> ServerDescription {
        ServerDescription {
            version: String::new(),
            instance: String::new(),
            listeners: vec![ListenerState {
                address: SocketAddr::new(address.parse().unwrap(), 5901),
                public_port: None,
                bound: true,
            }],
            your_address: None,
            began_us: None,
            sees_half_open: true,
            sees_every_syn: false,
            clock_offset_ms: 0,
            round_trip_us: 0,
        }
    }

    #[test]
    fn a_listener_serves_the_addresses_that_it_is_bound_to() {
        let (v4, v6) = ("203.0.113.7", "2001:db8::7");
        let (inside, other) = ("10.0.0.4", "10.0.0.5");
        let none: &[&str] = &[];
        for (bound, dialled, own, serves) in [
            ("0.0.0.0", v4, none, true),
            ("0.0.0.0", v6, none, false),
            ("::", v4, none, true),
            ("::", v6, none, true),
            ("127.0.0.1", v4, none, false),
            ("127.0.0.1", v6, none, false),
            ("::1", v6, none, false),
            ("127.0.0.1", "127.0.0.1", none, true),
            // A cloud translates the address that is dialled.
            (inside, v4, none, true),
            (inside, v4, &[inside], true),
            (other, v4, &[inside], false),
            (v4, v4, &[v4], true),
            (v6, v4, none, false),
        ] {
            let own: Vec<IpAddr> = own.iter().map(|ip| ip.parse().unwrap()).collect();
            let listens = listening_on(bound).listens(dialled.parse().unwrap(), 5901, &own);
            assert_eq!(listens, serves, "{bound} for {dialled}, with {own:?}");
        }
    }
}
