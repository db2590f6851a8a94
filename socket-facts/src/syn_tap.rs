//! The SYNs that reach this host's network interfaces, and the answers that leave them, whatever its own
//! firewall makes of either. The one fact here that takes a right: `CAP_NET_RAW`, to open it.

use std::io::{ErrorKind, Read as _};

use socket2::Socket;

use crate::{Fact, FactError, platform};

/// A socket that is handed copies of such packets, from their IP headers on. Dropping it ends that.
#[derive(Debug)]
pub struct SynTap(Socket);

impl SynTap {
    /// Opens one that lets nothing pass yet. It never blocks.
    ///
    /// # Errors
    /// [`FactError::NotAvailable`] off Linux; [`FactError::Os`] of kind `PermissionDenied` without
    /// `CAP_NET_RAW` in the user namespace that this network namespace belongs to.
    pub fn open() -> Result<Self, FactError> {
        let tap = Self(platform::open_syn_tap()?);
        tap.pass_none()?;
        Ok(tap)
    }

    /// Lets pass what begins or answers a TCP connection to one of `ports` of this host: SYNs that came to
    /// it, before its firewall has seen them, and SYN-ACKs that leave it, after. Of IPv6 only segments without
    /// extension headers, which no SYN has by itself; of IPv4 no fragments. What was let pass before is gone.
    ///
    /// # Errors
    /// [`FactError::Os`] with more than [`SYN_TAP_PORTS_MAX`] ports.
    pub fn pass(&self, ports: &[u16]) -> Result<(), FactError> {
        self.pass_none()?;
        self.discard()?;
        platform::filter_syns(&self.0, ports)
    }

    /// Lets nothing pass any more: the kernel drops it at once.
    ///
    /// # Errors
    /// [`FactError::Os`].
    pub fn pass_none(&self) -> Result<(), FactError> {
        platform::filter_syns(&self.0, &[])
    }

    /// The next packet, cut to the length of `buffer`; `None`: none is waiting.
    ///
    /// # Errors
    /// [`FactError::Os`]; an interface that went down is one, and no reason to give up.
    pub fn next<'b>(&self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, FactError> {
        match (&self.0).read(buffer) {
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(Fact::Syns.failed()(error)),
        }
    }

    /// How many packets the kernel had no room for since the last call.
    ///
    /// # Errors
    /// [`FactError::Os`].
    pub fn lost(&self) -> Result<u32, FactError> {
        platform::lost_packets(&self.0)
    }

    /// Takes out what is waiting, and forgets what was lost.
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

/// Ports of one [`SynTap::pass`]: what fits a filter of the kernel's (`BPF_MAXINSNS`), twice over.
pub const SYN_TAP_PORTS_MAX: usize = 1024;

/// More than a socket's buffer holds.
const WAITING_MAX: usize = 100_000;
