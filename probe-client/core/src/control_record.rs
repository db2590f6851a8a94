//! What the control channel to one server address told, or why there was none.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measurement::Measurement;
use crate::observation::Observation;
use crate::path::NetworkPath;

/// One server address and its control channel.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ControlRecord {
    pub host: String,
    /// Absent where only the proxy knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    pub path: NetworkPath,
    pub outcome: ControlOutcome,
    /// Further instances of the server behind the same address, met by dialling again: each answer
    /// once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ControlOutcome>,
    /// Instances that sessions met and that no control connection led to: of these nobody could be
    /// asked what they saw.
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
    /// The pinned server declined to talk now.
    Declined { port: u16, text: String },
    /// No port led to it.
    NotReached,
    /// Every probe was verified before it was needed.
    NotNeeded,
}

/// The server of itself.
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
}

/// One listener of the server.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ListenerState {
    pub address: SocketAddr,
    /// The port that is dialled for it, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_port: Option<u16>,
    pub bound: bool,
}

impl ControlRecord {
    /// It is of the server and the path that were measured.
    pub fn is_of(&self, measurement: &Measurement) -> bool {
        self.path == measurement.path
            && self.address == measurement.server()
            && (self.address.is_some() || self.host == measurement.host)
    }

    /// The genuine server spoke on this address: it is up, and reachable on some port.
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

    /// Every instance that described itself, the one of [`description`](Self::description) first.
    pub fn instances(&self) -> impl Iterator<Item = &ServerDescription> {
        let all = std::iter::once(&self.outcome).chain(&self.others);
        all.filter_map(ControlOutcome::description)
    }

    /// An instance that a session may have led to could not be asked: that none of the others saw the
    /// session proves nothing.
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
    /// Whether the server listens on the port that clients dial as `port`, on addresses of the
    /// family of `address`; an unspecified IPv6 listener serves both.
    pub fn listens(&self, address: IpAddr, port: u16) -> bool {
        self.listeners.iter().any(|listener| {
            let serves = listener.address.is_ipv4() == address.is_ipv4()
                || listener.address.ip().is_unspecified();
            let dialled = listener
                .public_port
                .unwrap_or_else(|| listener.address.port());
            listener.bound && serves && dialled == port
        })
    }
}
