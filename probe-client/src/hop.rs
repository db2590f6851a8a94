//! Sends one SYN with a chosen hop limit and returns the answer. It is sent once: the wait ends before the system would
//! repeat it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use probe_core::observation::{FailureKind, Origin};
use probe_core::survey::{HopAnswer, HopTry};
use socket_facts::drain_error_queue;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clock::RunClock;
use crate::connect::{begin, open};
use crate::observe::connect_failure;

/// Sends one SYN to `address` and waits for at most `idle_timeout`, which is less than a second. If a connection is
/// opened, it is reset immediately.
pub(crate) async fn send(
    address: SocketAddr,
    hop_limit: u8,
    bind: Option<IpAddr>,
    idle_timeout: Duration,
    clock: RunClock,
) -> HopTry {
    let start_us = clock.now_us();
    let (source_port, answer) = match try_once(address, hop_limit, bind, idle_timeout).await {
        Ok(done) => done,
        Err(_local) => (0, HopAnswer::NotSent),
    };
    HopTry {
        port: address.port(),
        source_port,
        hop_limit,
        start_us,
        duration_us: clock.now_us().saturating_sub(start_us),
        answer,
    }
}

async fn try_once(
    address: SocketAddr,
    hop_limit: u8,
    bind: Option<IpAddr>,
    idle_timeout: Duration,
) -> io::Result<(u16, HopAnswer)> {
    let socket = open(address, bind, Some(hop_limit))?;
    // The server must not wait for bytes that never come.
    socket.set_linger(Some(Duration::ZERO))?;
    begin(&socket, address)?;
    let stream = TcpStream::from_std(socket.into())?;
    let source_port = stream.local_addr()?.port();
    // The socket itself says whether the answer was in time: on a busy machine this task may wake late.
    let _ = timeout(idle_timeout, stream.writable()).await;
    // Draining the queue clears the pending error, so take it first.
    let pending = stream.take_error()?;
    let queued = drain_error_queue(&stream).ok();
    let queue = queued.as_deref().unwrap_or_default();
    let answer = match pending {
        None if queue.is_empty() && stream.peer_addr().is_ok() => HopAnswer::SynAck,
        None if queue.is_empty() => HopAnswer::Silence,
        pending => {
            let error = pending.unwrap_or_else(|| io::ErrorKind::HostUnreachable.into());
            let failure = connect_failure(&error, queued.as_deref());
            classify(failure.kind, failure.origin, queue.is_empty())
        }
    };
    Ok((source_port, answer))
}

fn classify(kind: FailureKind, origin: Origin, unnamed: bool) -> HopAnswer {
    match origin {
        Origin::Icmp {
            sender,
            icmp_type,
            code,
        } => {
            let exceeded = if sender.is_ipv6() {
                V6_EXCEEDED
            } else {
                V4_EXCEEDED
            };
            if icmp_type == exceeded {
                HopAnswer::Expired { from: sender }
            } else {
                HopAnswer::Unreachable {
                    from: sender,
                    icmp_type,
                    code,
                }
            }
        }
        Origin::Peer if kind == FailureKind::Refused => HopAnswer::Reset,
        // The SYN was accepted, and the connection was reset before this task awoke.
        Origin::Peer if kind == FailureKind::Reset => HopAnswer::SynAck,
        Origin::ThisHost if !unnamed => HopAnswer::NotSent,
        // Some systems do not say who sent an ICMP error, and report an expired hop limit as "host unreachable" too.
        // Then it is only known that the SYN was not answered.
        Origin::ThisHost | Origin::Peer | Origin::Unknown => HopAnswer::Silence,
    }
}

/// ICMP type Time Exceeded (RFC 792).
const V4_EXCEEDED: u8 = 11;
/// ICMPv6 type Time Exceeded (RFC 4443 section 3.3).
const V6_EXCEEDED: u8 = 3;
