//! The facts that can be queried, and the reasons why a query fails.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// A fact that was queried from the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// [`tcp_facts`](crate::tcp_facts()).
    Tcp,
    /// [`save_syn`](crate::save_syn) and [`saved_syn`](crate::saved_syn()).
    SavedSyn,
    /// [`set_recv_err`](crate::set_recv_err) and [`drain_error_queue`](crate::drain_error_queue).
    ErrorQueue,
    /// [`half_open`](crate::half_open()).
    HalfOpen,
    /// [`SynTap`](crate::SynTap).
    Syns,
    /// [`set_hop_limit`](crate::set_hop_limit).
    HopLimit,
    /// [`set_mss`](crate::set_mss).
    MaximumSegmentSize,
    /// [`local_addresses`](crate::local_addresses).
    LocalAddresses,
}

/// The reason why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    /// This platform, or this kernel's version or configuration, does not support the query.
    #[error("this platform cannot report or set the {0}")]
    NotAvailable(Fact),
    /// The system call failed.
    #[error("the operating system refused the {fact}")]
    Os {
        /// The fact that was queried.
        fact: Fact,
        /// The operating system's error.
        source: io::Error,
    },
}

/// The IP version of the remote address, for which a socket option is set. The version of a
/// dual-stack socket itself may differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Fact {
    /// Returns a function for `.map_err(fact.failed())`.
    pub(crate) fn failed(self) -> impl FnOnce(io::Error) -> FactError {
        move |source| FactError::Os { fact: self, source }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "state of a TCP connection",
            Self::SavedSyn => "saved SYN",
            Self::ErrorQueue => "queue of network errors",
            Self::HalfOpen => "list of half-open connections",
            Self::Syns => "SYNs at the network interfaces",
            Self::HopLimit => "hop limit",
            Self::MaximumSegmentSize => "maximum segment size",
            Self::LocalAddresses => "addresses of this host",
        })
    }
}

/// Converts an address. An IPv4-mapped IPv6 address counts as IPv4, because its packets are IPv4.
impl From<IpAddr> for IpFamily {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl From<SocketAddr> for IpFamily {
    fn from(address: SocketAddr) -> Self {
        address.ip().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_of_the_family_on_the_wire() {
        let family = |text: &str| IpFamily::from(text.parse::<SocketAddr>().unwrap());
        assert_eq!(family("192.0.2.1:1"), IpFamily::V4);
        assert_eq!(family("[::ffff:192.0.2.1]:1"), IpFamily::V4);
        assert_eq!(family("[2001:db8::1]:1"), IpFamily::V6);
    }
}
