//! Reads the SYN that a connection began with, as it arrived.

use socket2::SockRef;

use crate::{FactError, platform};

/// Makes `listener` keep the SYN of every connection from now on (Linux option `TCP_SAVE_SYN`, since 4.3). The cost per
/// connection is too small to measure. It needs no privilege.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux.
pub fn save_syn<'s>(listener: impl Into<SockRef<'s>>) -> Result<(), FactError> {
    platform::save_syn(&listener.into())
}

/// Takes the SYN that `accepted` began with: IP header, TCP header and options, as received.
///
/// It can be taken only once. `None` if it was taken before, if the listener did not keep it, if the handshake used a
/// SYN cookie (as under a SYN flood), or if its headers are longer than any ordinary packet. `None` thus says nothing
/// about the path.
///
/// # Errors
/// [`FactError::NotAvailable`] on platforms other than Linux.
pub fn saved_syn<'s>(accepted: impl Into<SockRef<'s>>) -> Result<Option<Vec<u8>>, FactError> {
    platform::saved_syn(&accepted.into())
}
