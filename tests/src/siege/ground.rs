//! The host on which sieges take place.
//!
//! It has its own network namespace, whose loopback interface has any number of addresses for attackers. Nothing of it
//! is visible from outside, and all of it ends with the test.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::lab::Namespace;

/// Runs `deed` on a host for sieges, which is made for this call.
pub(super) fn on_a_host_of_its_own<T: Send>(
    deed: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let mut host = Namespace::start()?;
    host.ready()?;
    host.run("sh", ["-ec", SET_UP])?;
    host.within(deed)
}

/// How many sources the attack seems to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    /// One source: an IPv4 address, or an IPv6 network in which every connection has its own address.
    One,
    /// One source per connection: an IPv4 address, or an IPv6 network.
    Many,
}

impl Sources {
    /// Returns the source address of the attacker's connection number `turn` to `server`. No authenticated client uses
    /// it.
    pub(super) fn address(self, server: IpAddr, turn: u16) -> IpAddr {
        let [high, low] = turn.to_be_bytes();
        match (self, server) {
            (Self::One, IpAddr::V4(_)) => Ipv4Addr::new(127, 0, 0, 2).into(),
            (Self::Many, IpAddr::V4(_)) => Ipv4Addr::new(127, 1, high, low).into(),
            (Self::One, IpAddr::V6(_)) => attackers_v6(0, turn),
            (Self::Many, IpAddr::V6(_)) => attackers_v6(turn, 1),
        }
    }
}

/// Returns an address that no host has, so that packets to it are lost.
pub(super) fn nobody(server: IpAddr, turn: u16) -> IpAddr {
    let [_, low] = turn.to_be_bytes();
    match server {
        IpAddr::V4(_) => Ipv4Addr::new(198, 51, 100, low).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0xb, 0, 0, 0, 0, turn).into(),
    }
}

fn attackers_v6(network: u16, host: u16) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0xa, network, 0, 0, 0, host).into()
}

/// The commands that set up the host. Without `route_localnet`, the kernel lets no answer from a loopback address leave
/// the host.
const SET_UP: &str = "\
ip link set lo up
sysctl -qw net.ipv6.ip_nonlocal_bind=1 net.ipv4.conf.all.route_localnet=1
ip route add local 2001:db8:a::/48 dev lo
ip link add void type veth peer name beyond
ip link set void arp off up
ip link set beyond arp off up
ip route add 198.51.100.0/24 dev void
ip -6 route add 2001:db8:b::/48 dev void
";
