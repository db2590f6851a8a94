//! Reads which device on the path reported an error about a socket's packets, and which error.

use std::net::IpAddr;

use socket2::SockRef;

use crate::{FactError, IpFamily, platform};

/// One entry of a socket's error queue (Linux: `struct sock_extended_err`, ip(7) and ipv6(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketError {
    /// The error number that the kernel made of the report, as in [`std::io::Error::from_raw_os_error`].
    pub errno: i32,
    /// The place where the error arose.
    pub origin: ErrorOrigin,
    /// The device that reported it; `None` for an error of this host. IPv4-mapped addresses are given as IPv4. A
    /// translating device on the path may have rewritten the address.
    pub offender: Option<IpAddr>,
    /// The MTU in bytes that a "packet too big" error reports.
    pub mtu: Option<u32>,
}

/// The place where a queued error arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorOrigin {
    /// The error arose on this host: its routing, its firewall, a packet larger than the known MTU.
    Local,
    /// The error came as an ICMP message (RFC 792).
    Icmp {
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
    },
    /// The error came as an ICMPv6 message (RFC 4443).
    Icmp6 {
        /// ICMPv6 type.
        kind: u8,
        /// ICMPv6 code.
        code: u8,
    },
    /// The error has another origin, given as the kernel's number (`SO_EE_ORIGIN_*`).
    Other(u8),
}

/// Makes `socket` queue the network's errors about packets to addresses of `family` (`IP_RECVERR`, `IPV6_RECVERR`).
/// Call it before `connect`. It needs no privilege.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux.
pub fn set_recv_err<'s>(socket: impl Into<SockRef<'s>>, family: IpFamily) -> Result<(), FactError> {
    platform::set_recv_err(&socket.into(), family)
}

/// Undoes [`set_recv_err`]. On an established connection, a transient error from the network would otherwise make the
/// next call on it fail. Queued errors stay.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux.
pub fn clear_recv_err<'s>(
    socket: impl Into<SockRef<'s>>,
    family: IpFamily,
) -> Result<(), FactError> {
    platform::clear_recv_err(&socket.into(), family)
}

/// Takes the errors out of `socket`'s error queue, oldest first, at most [`ERROR_QUEUE_MAX`] of them. It never waits.
///
/// Taking the last entry clears the socket's pending error, so call `take_error` first. On Linux an ICMP error about a
/// SYN wakes `poll` with `POLLERR` while the kernel keeps trying to connect (a blocking `connect` may sleep until the
/// SYN is repeated): close the socket to stop it. On an established connection the kernel usually queues nothing.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux.
pub fn drain_error_queue<'s>(
    socket: impl Into<SockRef<'s>>,
) -> Result<Vec<SocketError>, FactError> {
    platform::drain_error_queue(&socket.into())
}

/// The maximum number of entries that one [`drain_error_queue`] takes. A probe sends a handful of packets, so more
/// entries are a flood, and the beginning of a flood is enough.
pub const ERROR_QUEUE_MAX: usize = 64;
