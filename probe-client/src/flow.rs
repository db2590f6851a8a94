//! Opens one side connection from a chosen source port: a handshake, first bytes, a close, and the server's close.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use probe_core::measurement::{Flow, FlowEnd, FlowRound};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clock::RunClock;
use crate::connect::begin;

/// The address to dial and the time to wait.
#[derive(Clone, Debug)]
pub(crate) struct SideCall {
    pub(crate) round: FlowRound,
    pub(crate) address: SocketAddr,
    pub(crate) bind: Option<IpAddr>,
    pub(crate) source_port: u16,
    /// Bytes to write once the connection is open; if empty, only its handshake is tried. The server must not take them
    /// for a whole request.
    pub(crate) first_bytes: Arc<[u8]>,
    /// Time limit of the handshake, and again of the server's close.
    pub(crate) idle_timeout: Duration,
}

impl SideCall {
    /// Opens the connection. Its hop limit is the system's own, as an application's would be.
    pub(crate) async fn dial(self, clock: RunClock) -> Flow {
        let start_us = clock.now_us();
        let (round, port, source_port) = (self.round, self.address.port(), self.source_port);
        // A packet that this host cannot send says nothing about the path.
        let result = self
            .run()
            .await
            .unwrap_or_else(|_| ConnectionResult::at(FlowEnd::NotSent));
        Flow {
            round,
            port,
            source_port,
            start_us,
            duration_us: clock.now_us().saturating_sub(start_us),
            syns_sent_again: result.syns_sent_again,
            bytes_written: result.bytes_written,
            segments_sent_again: result.segments_sent_again,
            end: result.end,
        }
    }

    async fn run(self) -> io::Result<ConnectionResult> {
        let socket = self.bound()?;
        begin(&socket, self.address)?;
        let mut stream = TcpStream::from_std(socket.into())?;
        let answered = timeout(self.idle_timeout, stream.writable()).await.is_ok();
        // The only retransmissions so far are SYNs.
        let again = sent_again(&stream);
        let only_syns = |end| ConnectionResult {
            syns_sent_again: again,
            ..ConnectionResult::at(end)
        };
        if stream.take_error()?.is_some() {
            return Ok(only_syns(FlowEnd::TurnedAway));
        }
        if stream.peer_addr().is_err() {
            let end = if answered {
                FlowEnd::TurnedAway
            } else {
                FlowEnd::Unanswered
            };
            return Ok(only_syns(end));
        }
        let closing = async {
            stream.write_all(&self.first_bytes).await?;
            stream.shutdown().await?;
            // The server answers some first bytes before it closes.
            while stream.read(&mut [0; READ]).await? > 0 {}
            io::Result::Ok(())
        };
        // A reset also shows that the other end is there.
        let end = match timeout(self.idle_timeout, closing).await {
            Ok(Ok(()) | Err(_)) => FlowEnd::Answered,
            Err(_elapsed) => FlowEnd::Stuck,
        };
        if end == FlowEnd::Stuck {
            // Dropping the stream then resets the connection. Otherwise the system would keep the source port, which
            // will be dialled from again.
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        Ok(ConnectionResult {
            end,
            syns_sent_again: again,
            bytes_written: u32::try_from(self.first_bytes.len()).unwrap_or(u32::MAX),
            segments_sent_again: sent_again(&stream).saturating_sub(again),
        })
    }

    fn bound(&self) -> io::Result<Socket> {
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

/// The result of a side connection.
#[derive(Clone, Copy, Debug)]
struct ConnectionResult {
    end: FlowEnd,
    syns_sent_again: u32,
    bytes_written: u32,
    segments_sent_again: u32,
}

impl ConnectionResult {
    fn at(end: FlowEnd) -> Self {
        Self {
            end,
            syns_sent_again: 0,
            bytes_written: 0,
            segments_sent_again: 0,
        }
    }
}

/// Returns the number of segments that this host sent again, including SYNs.
fn sent_again(stream: &TcpStream) -> u32 {
    let facts = socket_facts::tcp_facts(stream).unwrap_or_default();
    facts.total_retransmissions.unwrap_or(0)
}

/// Returns source ports from the whole range that this host's system uses, in random order. One port comes from each of
/// `count` equal parts of the range. Their low bits are consecutive, since links of a bundle are often chosen by the
/// low bits.
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

/// Returns the range from which the system takes source ports, if the system reports it, or the usual one.
fn system_range() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let parsed = text.ok().and_then(|text| {
        let mut numbers = text.split_whitespace().map(str::parse::<u16>);
        let (low, high) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (low < high).then_some(low..=high)
    });
    parsed.unwrap_or(EPHEMERAL)
}

/// Number of bytes of the server's answer to read at a time.
const READ: usize = 4096;

/// The range of source ports of IANA (RFC 6335 section 6) and of Windows.
const EPHEMERAL: RangeInclusive<u16> = 49152..=65535;

/// Number of different low bits: more than the links that a bundle usually has.
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
        let serving = async move {
            let (mut accepted, _peer) = listener.accept().await.unwrap();
            let mut came = Vec::new();
            accepted.read_to_end(&mut came).await.unwrap();
            assert_eq!(came, b"first bytes");
            accepted.write_all(&[0; 10_000]).await.unwrap();
        };
        let call = SideCall {
            round: FlowRound::AtOnce,
            address,
            bind: None,
            source_port: free_port(),
            first_bytes: Arc::from(&b"first bytes"[..]),
            idle_timeout: Duration::from_secs(20),
        };
        let source_port = call.source_port;
        // A spawned server does not keep the test waiting if the connection is never made.
        let serving = tokio::spawn(serving);
        let flow = call.dial(RunClock::start()).await;
        assert_eq!(flow.end, FlowEnd::Answered);
        serving.await.unwrap();
        assert_eq!((flow.source_port, flow.bytes_written), (source_port, 11));
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
            source_port: free_port(),
            first_bytes: Arc::default(),
            idle_timeout: Duration::from_secs(20),
        };
        let flow = call.dial(RunClock::start()).await;
        assert_eq!(flow.end, FlowEnd::TurnedAway);
    }

    /// Returns a source port that no other connection of this host uses.
    fn free_port() -> u16 {
        let mut ports = source_ports(64).into_iter();
        let free = |port: &u16| std::net::TcpListener::bind(("0.0.0.0", *port)).is_ok();
        ports.find(free).unwrap()
    }
}
