//! Foreign bytes as they arrive. The first of them are kept, to be quoted and recognised.

use super::fault::{ForeignBytes, Quoted};
use super::first_sent::Start;
use super::phase::Phase;
use super::recognise::recognise;

/// Something other than the server that sends on the connection.
#[derive(Debug)]
pub(super) struct Stranger {
    phase: Phase,
    spoke_first: bool,
    at: u64,
    bytes: Vec<u8>,
}

impl Stranger {
    pub(super) fn new(phase: Phase, spoke_first: bool, at: u64, bytes: &[u8]) -> Self {
        let mut stranger = Self {
            phase,
            spoke_first,
            at,
            bytes: Vec::new(),
        };
        stranger.extend(bytes);
        stranger
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT - self.bytes.len();
        self.bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Describes the stranger; `own` are the client's first bytes, in the clear and inside TLS.
    pub(super) fn describe(&self, own: [&Start; 2]) -> ForeignBytes {
        ForeignBytes {
            phase: self.phase,
            spoke_first: self.spoke_first,
            at: self.at,
            quoted: Quoted::of(&self.bytes),
            recognised: recognise(&self.bytes, own),
        }
    }
}

/// The maximum number of bytes kept. This is more than is quoted, because a portal may send `Location` after its
/// cookies.
const MAX_KEPT: usize = 4096;
