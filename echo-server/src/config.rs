//! What a server does, with every question decided. It comes from the command line and a file, or from a program
//! that runs a server of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use echo_core::admission::AdmissionLimits;
use echo_core::session::Limits;
use proto::connection_string::DEFAULT_CONTROL_PORT;

/// A server's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen. All or none of it is bound.
    pub listen: Vec<Listen>,
    /// What the testimony calls this server. Shown to authenticated clients alone.
    pub instance: InstanceName,
    /// Other processes may listen on the same ports, and the kernel spreads connections over them.
    pub reuse_port: bool,
    /// The addresses that this server sees are not its clients': sightings are released to who can
    /// name the first bytes, and to nobody else.
    pub behind_source_nat: bool,
    /// See SYNs that this host's own firewall drops as well, by a packet socket.
    pub witness: bool,
    /// How long the server goes on as before when it was asked to stop, while its health already says
    /// so: a load balancer needs that time to send new connections elsewhere.
    pub notice: Duration,
    /// How long running sessions may go on after that.
    pub grace: Duration,
    /// Listeners for the operator's own network.
    pub private: Private,
    /// How many connections and sessions at once.
    pub admission: AdmissionLimits,
    /// Control connections at once.
    pub control_connections: usize,
    /// Times and sizes of one session.
    pub session: Limits,
}

/// Listeners that are not for clients: no key is asked for there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Private {
    /// Says over HTTP and `grpc.health.v1` whether this server takes new sessions.
    pub health: Option<SocketAddr>,
    /// Tells Prometheus what this server counts.
    pub metrics: Option<SocketAddr>,
}

/// One listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub address: ListenAddress,
    /// 0: any that is free.
    pub port: u16,
    /// The port that clients dial to get here, where something between them and this host translates
    /// it. `None`: the same.
    pub public_port: Option<u16>,
}

/// Where one listener listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// Every address of both families; of IPv4 alone where this host has no IPv6.
    Any,
    One(IpAddr),
}

/// 1 to 32 characters of `A-Z a-z 0-9 - _ .`: it must leave the testimony room for the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceName(String);

impl Config {
    /// A server with one listener for each of `listen` and default limits.
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
    /// On any free port of the IPv4 loopback address, standing for `public_port`.
    pub fn loopback_for(public_port: u16) -> Self {
        Self {
            address: ListenAddress::One(Ipv4Addr::LOCALHOST.into()),
            port: 0,
            public_port: Some(public_port),
        }
    }

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
    /// The address to bind first.
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

    /// `text` without what does not fit; a host's name nearly always fits whole.
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

/// The seven ports of the profile that this tool was first made for; the control port comes on top.
pub const DEFAULT_PORTS: [u16; 7] = [80, 443, 3389, 5901, 5902, 7998, 7999];

/// Longer than a session of default stages takes on any path worth probing.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// A run needs one, for as long as it lasts.
pub const DEFAULT_CONTROL_CONNECTIONS: usize = 256;

/// The control port, unless the identity names another.
pub(crate) const FALLBACK_CONTROL_PORT: u16 = DEFAULT_CONTROL_PORT;

const MAX_INSTANCE: usize = 32;
const UNNAMED: &str = "unnamed";
