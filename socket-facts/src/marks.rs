//! What a client sets on its socket so that the other end can recognise its SYN.

use std::io;

use socket2::SockRef;

use crate::{Fact, FactError, IpFamily, platform};

/// Sets the TTL or hop limit of every packet that `socket` sends to addresses of `family`. It may
/// be changed at any time, also on an established connection.
///
/// # Errors
/// [`FactError::Os`], for 0 too: such a packet must not leave the host.
pub fn set_hop_limit<'s>(
    socket: impl Into<SockRef<'s>>,
    family: IpFamily,
    hop_limit: u8,
) -> Result<(), FactError> {
    let socket = socket.into();
    // Linux refuses it for IPv4 alone.
    if hop_limit == 0 {
        return Err(Fact::HopLimit.failed()(io::ErrorKind::InvalidInput.into()));
    }
    match family {
        IpFamily::V4 => socket.set_ttl_v4(hop_limit.into()),
        IpFamily::V6 => socket.set_unicast_hops_v6(hop_limit.into()),
    }
    .map_err(Fact::HopLimit.failed())
}

/// Makes `socket` announce `mss` payload bytes per segment in its SYN and send no more itself. To
/// be called before `connect`. Linux takes 88 and more, and never exceeds what the route allows.
///
/// # Errors
/// [`FactError::NotAvailable`] on Windows, which has no such option.
pub fn set_mss<'s>(socket: impl Into<SockRef<'s>>, mss: u16) -> Result<(), FactError> {
    platform::set_mss(&socket.into(), mss)
}
