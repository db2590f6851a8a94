//! Builds raw SYN segments, for tests that send or quote a SYN that no TCP stack has sent.

use std::net::{IpAddr, SocketAddr};

/// Returns the IP and TCP headers of a SYN without options.
pub(crate) fn syn(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut tcp = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    tcp.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
    let addresses = [octets(from.ip()), octets(to.ip())].concat();
    // RFC 9293 section 3.1: the TCP checksum also covers a pseudo-header (addresses, protocol, length).
    let counted = [&addresses[..], &[0, TCP, 0, LENGTH], &tcp].concat();
    tcp[16..18].copy_from_slice(&checksum(&counted).to_be_bytes());
    // The kernel fills in the IPv4 fields that are 0.
    let ip = match to.ip() {
        IpAddr::V4(_) => vec![0x45, 0, 0, 20 + LENGTH, 0, 0, 0x40, 0, 64, TCP, 0, 0],
        IpAddr::V6(_) => vec![0x60, 0, 0, 0, 0, LENGTH, TCP, 64],
    };
    [ip, addresses, tcp].concat()
}

/// Returns the Internet checksum of `bytes` (RFC 1071).
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

const TCP: u8 = 6;
const LENGTH: u8 = 20;
