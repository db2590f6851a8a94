//! One side connection from a source port of our choice: a handshake, a close, and the server's close.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use probe_core::flow::{Flow, FlowEnd, FlowRound};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clock::RunClock;
use crate::connect::begin;

/// What to dial and how long to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SideCall {
    pub(crate) round: FlowRound,
    pub(crate) address: SocketAddr,
    pub(crate) bind: Option<IpAddr>,
    pub(crate) source_port: u16,
    /// For the handshake, and again for the server's close.
    pub(crate) patience: Duration,
}

impl SideCall {
    /// Dials. The hop limit is the system's own, as an application's would be.
    pub(crate) async fn dial(self, clock: RunClock) -> Flow {
        let start_us = clock.now_us();
        // What this host cannot send says nothing about the way.
        let (syns_sent_again, end) = self.run().await.unwrap_or((0, FlowEnd::NotSent));
        Flow {
            round: self.round,
            port: self.address.port(),
            source_port: self.source_port,
            start_us,
            duration_us: clock.now_us().saturating_sub(start_us),
            syns_sent_again,
            end,
        }
    }

    async fn run(self) -> io::Result<(u32, FlowEnd)> {
        let socket = self.bound()?;
        begin(&socket, self.address)?;
        let mut stream = TcpStream::from_std(socket.into())?;
        let answered = timeout(self.patience, stream.writable()).await.is_ok();
        // All that was sent again by now is SYNs.
        let facts = socket_facts::tcp_facts(&stream).unwrap_or_default();
        let again = facts.total_retransmissions.unwrap_or(0);
        if stream.take_error()?.is_some() {
            return Ok((again, FlowEnd::TurnedAway));
        }
        if stream.peer_addr().is_err() {
            let end = if answered {
                FlowEnd::TurnedAway
            } else {
                FlowEnd::Unanswered
            };
            return Ok((again, end));
        }
        let closing = async {
            stream.shutdown().await?;
            stream.read(&mut [0]).await
        };
        // A reset comes from an end that is there, too.
        let end = match timeout(self.patience, closing).await {
            Ok(Ok(_) | Err(_)) => FlowEnd::Answered,
            Err(_elapsed) => FlowEnd::Stuck,
        };
        Ok((again, end))
    }

    fn bound(self) -> io::Result<Socket> {
        let domain = Domain::for_address(self.address);
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let any = match self.address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let local = SocketAddr::new(self.bind.unwrap_or(any), self.source_port);
        socket.bind(&local.into())?;
        Ok(socket)
    }
}

/// Source ports from all over the range that this host's system uses, in an order without pattern: one from each of
/// `count` equal parts, and with neighbouring low bits, by which links of a bundle are often chosen.
pub(crate) fn source_ports(count: usize) -> Vec<u16> {
    let range = system_range();
    let width = usize::from(range.end() - range.start()) + 1;
    let part = (width / count.max(1)).max(1);
    let first: usize = rand::random_range(0..LOW_BITS);
    let mut ports: Vec<u16> = (0..count)
        .filter_map(|index| {
            let anywhere = index * part + rand::random_range(0..part);
            let low = (first + index) % LOW_BITS;
            let aligned = anywhere - anywhere % LOW_BITS + low;
            let offset = u16::try_from(aligned.min(width - 1)).ok()?;
            range.start().checked_add(offset)
        })
        .collect();
    for index in (1..ports.len()).rev() {
        ports.swap(index, rand::random_range(0..=index));
    }
    ports.dedup();
    ports
}

/// From which the system takes source ports, where it tells.
fn system_range() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let parsed = text.ok().and_then(|text| {
        let mut numbers = text.split_whitespace().map(str::parse::<u16>);
        let (low, high) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (low < high).then_some(low..=high)
    });
    parsed.unwrap_or(EPHEMERAL)
}

/// As IANA has it (RFC 6335 section 6), and Windows.
const EPHEMERAL: RangeInclusive<u16> = 49152..=65535;

/// More links than a bundle usually has.
const LOW_BITS: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn source_ports_are_spread_over_the_range_and_over_low_bits() {
        let range = system_range();
        for count in [1, 3, 11, 49] {
            let ports = source_ports(count);
            let different: BTreeSet<u16> = ports.iter().copied().collect();
            assert_eq!(different.len(), count);
            assert!(ports.iter().all(|port| range.contains(port)));
            let low: BTreeSet<u16> = ports.iter().map(|port| port % 8).collect();
            assert!(low.len() >= count.min(7), "{ports:?}");
        }
        let (low, high) = (*range.start(), *range.end());
        let middle = low + (high - low) / 2;
        let below = source_ports(11).into_iter().filter(|port| *port < middle);
        assert!((4..=7).contains(&below.count()));
    }

    #[tokio::test]
    async fn a_side_connection_ends_with_the_servers_close() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = async {
            let (mut accepted, _peer) = listener.accept().await.unwrap();
            assert_eq!(accepted.read(&mut [0]).await.unwrap(), 0);
        };
        let call = SideCall {
            round: FlowRound::AtOnce,
            address,
            bind: None,
            source_port: source_ports(1)[0],
            patience: Duration::from_secs(20),
        };
        let clock = RunClock::start();
        let (flow, ()) = tokio::join!(call.dial(clock), serving);
        assert_eq!(flow.end, FlowEnd::Answered);
        assert_eq!(flow.source_port, call.source_port);
    }

    #[tokio::test]
    async fn a_refused_side_connection_is_turned_away() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let call = SideCall {
            round: FlowRound::Again,
            address,
            bind: None,
            source_port: source_ports(1)[0],
            patience: Duration::from_secs(20),
        };
        let flow = call.dial(RunClock::start()).await;
        assert_eq!(flow.end, FlowEnd::TurnedAway);
    }
}
