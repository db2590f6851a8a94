//! Sets the options of a client's socket by which the other end can recognise its SYN.

use std::io;

use socket2::SockRef;

use crate::{Fact, FactError, IpFamily, platform};

/// Sets the TTL or hop limit of every packet that `socket` sends to addresses of `family`. It can be changed at any
/// time, also on an established connection.
///
/// # Errors
/// [`FactError::Os`], also for 0, because a packet with that limit must not leave the host.
pub fn set_hop_limit<'s>(
    socket: impl Into<SockRef<'s>>,
    family: IpFamily,
    hop_limit: u8,
) -> Result<(), FactError> {
    let socket = socket.into();
    // Linux refuses zero only for IPv4.
    if hop_limit == 0 {
        return Err(Fact::HopLimit.failed()(io::ErrorKind::InvalidInput.into()));
    }
    match family {
        IpFamily::V4 => socket.set_ttl_v4(hop_limit.into()),
        IpFamily::V6 => socket.set_unicast_hops_v6(hop_limit.into()),
    }
    .map_err(Fact::HopLimit.failed())
}

/// Makes `socket` announce `mss` payload bytes per segment in its SYN, and send no more itself. Call it before
/// `connect`. Linux accepts 88 and more, and never exceeds what the route allows.
///
/// # Errors
/// [`FactError::NotAvailable`] on Windows, which has no option for this.
pub fn set_mss<'s>(socket: impl Into<SockRef<'s>>, mss: u16) -> Result<(), FactError> {
    platform::set_mss(&socket.into(), mss)
}
