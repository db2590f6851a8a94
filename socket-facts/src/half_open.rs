//! Connections that a SYN began and no acknowledgement completed. They prove that the path to this host is
//! open, even if the path back is not.

use std::net::SocketAddr;

use crate::{FactError, platform};

/// The connections that the kernel listed. Under a flood the list may be incomplete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HalfOpenView {
    /// The half-open connections, in no particular order.
    pub connections: Vec<HalfOpen>,
    /// False if there were more than [`HALF_OPEN_MAX`], or if the list changed while it was read. A missing connection
    /// then proves nothing.
    pub complete: bool,
}

/// One connection in state SYN-RECEIVED. IPv4-mapped addresses are given as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HalfOpen {
    /// The address that the SYN was sent to, as this host sees it.
    pub local: SocketAddr,
    /// The address that the SYN came from, as this host sees it.
    pub peer: SocketAddr,
}

/// Lists the half-open connections to `local_port` in this network namespace, of both families.
///
/// It needs no privilege, but it makes the kernel walk its table of connections (some 10 ms for 30,000). SYNs answered
/// with a SYN cookie leave no trace.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux, and if the kernel lacks `tcp_diag`; [`FactError::Os`] if
/// a sandbox forbids `AF_NETLINK`.
pub fn half_open(local_port: u16) -> Result<HalfOpenView, FactError> {
    let views = half_open_of(&[local_port])?;
    Ok(views.into_iter().next().unwrap_or_default())
}

/// Lists the half-open connections to each of `local_ports`, in their order, in one walk through the kernel's table.
///
/// # Errors
/// The same as for [`half_open`].
pub fn half_open_of(local_ports: &[u16]) -> Result<Vec<HalfOpenView>, FactError> {
    platform::half_open_of(local_ports)
}

/// The maximum number of connections listed for one port: more than any run of probes has open at the same time, so
/// more are a flood.
pub const HALF_OPEN_MAX: usize = 1024;

/// Returns how many half-open connections to one listener this host keeps, which may be 0. SYNs beyond that are
/// answered with SYN cookies, or dropped if cookies are disabled, and leave no trace. Call it before a sandbox hides
/// `/proc`.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux; [`FactError::Os`] if the settings cannot be read.
pub fn half_open_kept() -> Result<usize, FactError> {
    platform::half_open_kept()
}
