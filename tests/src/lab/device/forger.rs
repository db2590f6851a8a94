//! Sends ICMP errors that quote packets which nobody sent.
//!
//! None of these errors is about a connection of the client, and none may change the client's verdicts.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::DeviceContext;
use crate::lab::{Family, Host};
use crate::segment::{checksum, syn};

pub(super) fn forge(context: &DeviceContext) -> anyhow::Result<()> {
    let (domain, protocol) = match context.family {
        Family::Ipv4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::Ipv6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    let client = SocketAddr::new(context.family.address(Host::Client), 0).into();
    context.is_ready();
    let mut round: u16 = 0;
    while context.stands() {
        for quote in quotes(context, round) {
            // The kernel may be out of buffers for a moment, which has the same effect as a lost packet.
            let _ = socket.send_to(&error(context.family, &quote), &client);
        }
        round = round.wrapping_add(1);
        std::thread::sleep(BETWEEN_ROUNDS);
    }
    Ok(())
}

/// Returns an ICMP error "administratively prohibited" that quotes `quote`.
fn error(family: Family, quote: &[u8]) -> Vec<u8> {
    let (kind, code) = match family {
        Family::Ipv4 => (3, 13),
        Family::Ipv6 => (1, 1),
    };
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(quote);
    // For ICMPv6, the kernel computes the checksum itself (RFC 3542 section 3.1).
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

/// Returns forged quotes: nothing, noise, truncated headers, and SYNs to every probed port from a changing source port.
fn quotes(context: &DeviceContext, round: u16) -> Vec<Vec<u8>> {
    let mut quotes = vec![Vec::new(), vec![0xff; 3], vec![0x45; 1000]];
    for port in PORTS {
        let client = context.family.address(Host::Client);
        let from = SocketAddr::new(client, 32_768 + round % 28_000);
        let header = syn(from, SocketAddr::new(context.server.ip(), port));
        quotes.push(header[..header.len() - 14].to_vec());
        quotes.push(header);
    }
    quotes
}

const PORTS: [u16; 3] = [443, 5901, 7999];
const BETWEEN_ROUNDS: Duration = Duration::from_millis(5);
