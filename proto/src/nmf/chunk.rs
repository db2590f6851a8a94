//! The chunks of an unsized envelope (MC-NMF section 2.2.3).

use std::num::NonZeroU32;

use super::size::{encode_size, read_size};
use super::{MAX_ENVELOPE, NmfError};
use crate::cursor::decode_front;
use crate::decoded::Decoded;

/// The header of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// The header of `size` bytes of payload, which the caller streams.
    Data { size: NonZeroU32 },
    /// The end of the envelope.
    End,
}

impl Chunk {
    /// Reads one header from the front of `bytes`.
    ///
    /// # Errors
    /// The size is malformed or over [`MAX_ENVELOPE`].
    pub fn decode(bytes: &[u8]) -> Result<Decoded<Self>, NmfError> {
        decode_front(bytes, |cursor| {
            let size = read_size(cursor, MAX_ENVELOPE)?;
            Ok(NonZeroU32::new(size).map_or(Self::End, |size| Self::Data { size }))
        })
    }

    /// Appends the header to `out`.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Self::Data { size } => encode_size(size.get(), out),
            Self::End => encode_size(0, out),
        }
    }
}
