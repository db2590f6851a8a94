//! The complete configuration of a server. It comes from the command line and a file, or from a program that runs a
//! server itself.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use echo_core::admission::AdmissionLimits;
use echo_core::session::Limits;
use proto::connection_string::DEFAULT_CONTROL_PORT;

/// A server's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The listeners. All of them are bound, or none.
    pub listen: Vec<Listen>,
    /// The server's name in testimonies. Only authenticated clients see it.
    pub instance: InstanceName,
    /// Whether other processes may listen on the same ports. The kernel then distributes connections over them.
    pub reuse_port: bool,
    /// Whether source NAT hides the clients' own addresses from this server. If it does, a sighting is released only to
    /// a client that can name the connection's first bytes.
    pub behind_source_nat: bool,
    /// Whether to open a packet socket, which also shows SYNs that this host's own firewall drops.
    pub witness: bool,
    /// The time for which the server continues normally after it was asked to stop. Its health endpoint already reports
    /// the stop, so that a load balancer can send new connections elsewhere.
    pub notice: Duration,
    /// The time for which running sessions may continue after `notice`.
    pub grace: Duration,
    /// Listeners for the operator's own network.
    pub private: Private,
    /// The limits for connections and sessions at the same time.
    pub admission: AdmissionLimits,
    /// The maximum number of control connections at the same time.
    pub control_connections: usize,
    /// The limits for the times and sizes of one session.
    pub session: Limits,
}

/// Listeners that are not for clients, and ask for no key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Private {
    /// The address that reports over HTTP and `grpc.health.v1` whether this server accepts new sessions.
    pub health: Option<SocketAddr>,
    /// The address that serves this server's counters to Prometheus.
    pub metrics: Option<SocketAddr>,
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub address: ListenAddress,
    /// The port to listen on; 0 means any free port.
    pub port: u16,
    /// The port that clients dial to reach this listener, if something between them and this host translates it. `None`
    /// if it is the same.
    pub public_port: Option<u16>,
}

/// The addresses that one listener listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// Every address of both families, or of IPv4 alone if this host has no IPv6.
    Any,
    One(IpAddr),
}

/// A server's name: 1 to 32 characters of `A-Z a-z 0-9 - _ .`. The limit leaves room in the testimony for the other
/// fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceName(String);

impl Config {
    /// Creates a configuration with the listeners `listen` and default limits.
    pub fn new(listen: Vec<Listen>, instance: InstanceName) -> Self {
        Self {
            listen,
            instance,
            reuse_port: false,
            behind_source_nat: false,
            witness: false,
            notice: Duration::ZERO,
            grace: DEFAULT_GRACE,
            private: Private::default(),
            admission: AdmissionLimits::default(),
            control_connections: DEFAULT_CONTROL_CONNECTIONS,
            session: Limits::default(),
        }
    }
}

impl Listen {
    pub fn any(port: u16) -> Self {
        Self {
            address: ListenAddress::Any,
            port,
            public_port: None,
        }
    }

    pub fn on(address: SocketAddr) -> Self {
        Self {
            address: ListenAddress::One(address.ip()),
            port: address.port(),
            public_port: None,
        }
    }
}

impl ListenAddress {
    /// Returns the address to bind first.
    pub(crate) fn ip(self) -> IpAddr {
        match self {
            Self::Any => Ipv6Addr::UNSPECIFIED.into(),
            Self::One(ip) => ip,
        }
    }
}

impl InstanceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns `text` as a name: characters that are not allowed are removed, and the length is limited. Nearly every
    /// host's name stays as it is.
    pub fn from_host_name(text: &str) -> Self {
        let fitting: String = text
            .chars()
            .filter(|c| fits(*c))
            .take(MAX_INSTANCE)
            .collect();
        if fitting.is_empty() {
            Self(UNNAMED.to_owned())
        } else {
            Self(fitting)
        }
    }
}

impl std::str::FromStr for InstanceName {
    type Err = InvalidInstanceName;

    fn from_str(text: &str) -> Result<Self, InvalidInstanceName> {
        if (1..=MAX_INSTANCE).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInstanceName)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an instance's name is 1 to {MAX_INSTANCE} characters of A-Z a-z 0-9 - _ .")]
pub struct InvalidInstanceName;

fn fits(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// The seven ports of the profile `hpc-2008r2-sp1`. The control port is added to them.
pub const DEFAULT_PORTS: [u16; 7] = [80, 443, 3389, 5901, 5902, 7998, 7999];

/// The default grace period: longer than a session of default stages takes on any path worth probing.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// The default number of control connections. A run needs one for as long as it lasts.
pub const DEFAULT_CONTROL_CONNECTIONS: usize = 256;

/// The control port if the identity names none.
pub(crate) const FALLBACK_CONTROL_PORT: u16 = DEFAULT_CONTROL_PORT;

const MAX_INSTANCE: usize = 32;
const UNNAMED: &str = "unnamed";
