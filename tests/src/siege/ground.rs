//! Where sieges take place: a host of its own, whose loopback interface has any number of attackers'
//! addresses. Nothing that goes on there is seen from outside, and all of it ends with the test.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::lab::Namespace;

/// Does `deed` there.
pub(super) fn on_a_host_of_its_own<T: Send>(
    deed: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let mut host = Namespace::start()?;
    host.ready()?;
    host.run("sh", ["-ec", SET_UP])?;
    host.within(deed)
}

/// How many attackers there seem to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sources {
    /// One: an IPv4 address, or one IPv6 network of which every connection has another address.
    One,
    /// As many as there are connections: IPv4 addresses, or IPv6 networks.
    Many,
}

impl Sources {
    /// Where the attacker's connection `turn` to `server` comes from. No known client is there.
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

/// An address that nobody has: what is sent there is lost.
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

/// Answers to loopback addresses leave the host only where that is allowed.
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
