//! Who on the way reported an error about a socket's packets, and which.

use std::net::IpAddr;

use socket2::SockRef;

use crate::{FactError, IpFamily, platform};

/// One entry of a socket's error queue (Linux: `struct sock_extended_err`, ip(7) and ipv6(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketError {
    /// What the kernel made of it, as in [`std::io::Error::from_raw_os_error`].
    pub errno: i32,
    /// Where the error arose.
    pub origin: ErrorOrigin,
    /// The device that reported it; `None` for an error of this host's own. IPv4-mapped addresses
    /// are given as IPv4. A translating device on the way may have rewritten it.
    pub offender: Option<IpAddr>,
    /// The MTU in bytes that goes with a packet too big.
    pub mtu: Option<u32>,
}

/// Where a queued error arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorOrigin {
    /// This host: its routing, its firewall, a packet larger than the known MTU.
    Local,
    /// An ICMP message (RFC 792).
    Icmp {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
    /// An ICMPv6 message (RFC 4443).
    Icmp6 {
        /// ICMPv6 type.
        kind: u8,
        /// ICMPv6 code.
        code: u8,
    },
    /// Another one, by the kernel's number (`SO_EE_ORIGIN_*`).
    Other(u8),
}

/// Makes `socket` queue the network's errors for packets to addresses of `family` (`IP_RECVERR`,
/// `IPV6_RECVERR`). To be called before `connect`. It needs no privilege.
///
/// # Errors
/// [`FactError::NotAvailable`] off Linux.
pub fn set_recv_err<'s>(socket: impl Into<SockRef<'s>>, family: IpFamily) -> Result<(), FactError> {
    platform::set_recv_err(&socket.into(), family)
}

/// Undoes [`set_recv_err`]: on an established connection a network's error that may pass would
/// otherwise end the next call on it. What is queued stays.
///
/// # Errors
/// [`FactError::NotAvailable`] off Linux.
pub fn clear_recv_err<'s>(
    socket: impl Into<SockRef<'s>>,
    family: IpFamily,
) -> Result<(), FactError> {
    platform::clear_recv_err(&socket.into(), family)
}

/// Takes what `socket`'s error queue holds, oldest first, at most [`ERROR_QUEUE_MAX`] entries;
/// never waits.
///
/// Taking the last entry clears the socket's pending error, so `take_error` comes first. On Linux
/// an ICMP error about a SYN wakes `poll` with `POLLERR` while the kernel goes on trying to connect
/// (a blocking `connect` may sleep until the SYN is repeated): close the socket to stop it. On an
/// established connection the kernel tends to queue nothing.
///
/// # Errors
/// [`FactError::NotAvailable`] off Linux.
pub fn drain_error_queue<'s>(
    socket: impl Into<SockRef<'s>>,
) -> Result<Vec<SocketError>, FactError> {
    platform::drain_error_queue(&socket.into())
}

/// Entries that one [`drain_error_queue`] takes: a probe sends a handful of packets, so more than
/// this is a flood, and its beginning says enough.
pub const ERROR_QUEUE_MAX: usize = 64;
