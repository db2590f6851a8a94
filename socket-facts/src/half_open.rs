//! Connections that a SYN began and no acknowledgement completed: proof that the way here is open
//! when the way back is not.

use std::net::SocketAddr;

use crate::{FactError, platform};

/// What the kernel listed, which under a flood need not be everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HalfOpenView {
    /// In no particular order.
    pub connections: Vec<HalfOpen>,
    /// False if there were more than [`HALF_OPEN_MAX`], or the list changed while it was read:
    /// absence then proves nothing.
    pub complete: bool,
}

/// One connection in state SYN-RECEIVED. IPv4-mapped addresses are given as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HalfOpen {
    /// Where the SYN was sent to, as this host sees it.
    pub local: SocketAddr,
    /// Where it came from, likewise.
    pub peer: SocketAddr,
}

/// Lists the half-open connections to `local_port` in this network namespace, of both families.
///
/// It needs no privilege; it makes the kernel walk its table of connections (some 10 ms for
/// 30,000). SYNs answered with a SYN cookie leave no trace.
///
/// # Errors
/// [`FactError::NotAvailable`] off Linux, and where the kernel lacks `tcp_diag`;
/// [`FactError::Os`] where a sandbox forbids `AF_NETLINK`.
pub fn half_open(local_port: u16) -> Result<HalfOpenView, FactError> {
    let views = half_open_of(&[local_port])?;
    Ok(views.into_iter().next().unwrap_or_default())
}

/// Lists those of each of `local_ports`, in their order, with one walk of the kernel's for all of them.
///
/// # Errors
/// As [`half_open`].
pub fn half_open_of(local_ports: &[u16]) -> Result<Vec<HalfOpenView>, FactError> {
    platform::half_open_of(local_ports)
}

/// Connections of one port that are listed: more than any run of probes has open at once, so what
/// exceeds it is a flood.
pub const HALF_OPEN_MAX: usize = 1024;

/// How many half-open connections to one listener this host keeps; SYNs beyond that are answered with SYN
/// cookies, or dropped where there are none, and leave no trace. 0: it keeps none. To be asked before a sandbox hides `/proc`.
///
/// # Errors
/// [`FactError::NotAvailable`] off Linux; [`FactError::Os`] where the settings cannot be read.
pub fn half_open_kept() -> Result<usize, FactError> {
    platform::half_open_kept()
}
