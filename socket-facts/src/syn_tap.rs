//! Captures the SYNs that reach this host's network interfaces, and the answers that leave them, whatever its own
//! firewall does with them. This is the only fact here that needs a privilege: `CAP_NET_RAW`, to open the socket.

use std::io::{ErrorKind, Read as _};

use socket2::Socket;

use crate::{Fact, FactError, platform};

/// A socket that receives copies of SYNs and SYN-ACKs, from their IP headers on. Dropping it stops the capture.
#[derive(Debug)]
pub struct SynTap(Socket);

impl SynTap {
    /// Opens a socket that lets nothing pass yet. Its reads never block.
    ///
    /// # Errors
    /// [`FactError::NotAvailable`] on platforms other than Linux; [`FactError::Os`] of kind `PermissionDenied` without
    /// `CAP_NET_RAW` in the user namespace that this network namespace belongs to.
    pub fn open() -> Result<Self, FactError> {
        let tap = Self(platform::open_syn_tap()?);
        tap.pass_none()?;
        Ok(tap)
    }

    /// Lets segments pass that begin or answer a TCP connection to one of `ports` of this host: incoming SYNs before
    /// its firewall sees them, and outgoing SYN-ACKs after it. IPv6 segments pass only without extension headers, which
    /// no SYN has by itself; IPv4 fragments do not pass. Packets from before the call are discarded.
    ///
    /// # Errors
    /// [`FactError::Os`] with more than [`SYN_TAP_PORTS_MAX`] ports.
    pub fn pass(&self, ports: &[u16]) -> Result<(), FactError> {
        self.pass_none()?;
        self.discard()?;
        platform::filter_syns(&self.0, ports)
    }

    /// Lets nothing pass any more, so that the kernel drops every packet immediately.
    ///
    /// # Errors
    /// [`FactError::Os`] if the filter cannot be set.
    pub fn pass_none(&self) -> Result<(), FactError> {
        platform::filter_syns(&self.0, &[])
    }

    /// Returns the next packet, cut to the length of `buffer`, or `None` if none is waiting.
    ///
    /// # Errors
    /// [`FactError::Os`], also if an interface has gone down, in which case the caller should continue.
    pub fn next<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, FactError> {
        match (&self.0).read(buffer) {
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(Fact::Syns.failed()(error)),
        }
    }

    /// Returns how many packets the kernel had no room for since the last call.
    ///
    /// # Errors
    /// [`FactError::Os`] if the count cannot be read.
    pub fn lost(&self) -> Result<u32, FactError> {
        platform::lost_packets(&self.0)
    }

    /// Discards the packets that are waiting, and the count of lost ones.
    fn discard(&self) -> Result<(), FactError> {
        let mut buffer = [0];
        for _ in 0..WAITING_MAX {
            if matches!(self.next(&mut buffer), Ok(None)) {
                break;
            }
        }
        self.lost().map(drop)
    }
}

/// The maximum number of ports of one [`SynTap::pass`]. A filter of the kernel's maximum length (`BPF_MAXINSNS`) has
/// room for twice as many.
pub const SYN_TAP_PORTS_MAX: usize = 1024;

/// The maximum number of packets to discard: more than a socket's buffer holds.
const WAITING_MAX: usize = 100_000;
