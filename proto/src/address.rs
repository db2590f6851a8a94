//! Converts the addresses of the wire to those of the standard library, and back.

use std::net::{IpAddr, SocketAddr};

use crate::wire::SocketAddress;

/// The error for an address on the wire that is not valid: not of 4 or 16 bytes, or with a port above 65535.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an address: neither 4 nor 16 bytes, or a port above 65535")]
pub struct InvalidAddress;

/// An IPv4 peer of a dual-stack socket counts as IPv4.
impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> Self {
        Self {
            ip: match address.ip().to_canonical() {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            },
            port: address.port().into(),
        }
    }
}

/// An IPv4-mapped address counts as IPv4, because dual-stack sockets report IPv4 peers in this form.
impl TryFrom<&SocketAddress> for SocketAddr {
    type Error = InvalidAddress;

    fn try_from(address: &SocketAddress) -> Result<Self, Self::Error> {
        let bytes = address.ip.as_slice();
        let ip = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
        let ip = ip.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
        let ip = ip.map_err(|_| InvalidAddress)?.to_canonical();
        let port = u16::try_from(address.port).map_err(|_| InvalidAddress)?;
        Ok(Self::new(ip, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_same_there_and_back() {
        for text in ["192.0.2.7:5901", "[2001:db8::7]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(SocketAddr::try_from(&address.into()), Ok(address));
        }
    }

    #[test]
    fn a_mapped_address_is_ipv4_both_ways() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:80".parse().unwrap();
        let wire = SocketAddress::from(mapped);
        assert_eq!(wire.ip, [192, 0, 2, 7]);
        let ip = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7];
        let back = SocketAddr::try_from(&SocketAddress { ip, port: 80 });
        assert_eq!(back, Ok("192.0.2.7:80".parse().unwrap()));
    }

    #[test]
    fn other_lengths_and_ports_are_refused() {
        for (length, port) in [(0, 80), (5, 80), (17, 80), (4, 65_536)] {
            let ip = vec![0; length];
            let found = SocketAddr::try_from(&SocketAddress { ip, port });
            assert_eq!(found, Err(InvalidAddress), "{length} bytes, port {port}");
        }
    }
}
