//! .NET Message Framing, MC-NMF: the records of net.tcp sessions and the preamble they open with.

mod chunk;
mod fault;
mod preamble;
mod record;
mod size;
mod text;
mod values;

use thiserror::Error;

use crate::limits::MAX_STAGE_BYTES;

pub use self::chunk::Chunk;
pub use self::fault::{Fault, KnownFault};
pub use self::preamble::{Encoding, Preamble};
pub use self::record::{Record, RecordType};
pub use self::text::Text;
pub use self::values::{KnownEncoding, Mode, Upgrade};

/// The reason why bytes are not a record, or not a preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NmfError {
    #[error("{0:#04x} is not a record type")]
    RecordType(u8),
    #[error("a {found:?} record, where the preamble needs {expected:?}")]
    RecordOrder {
        expected: RecordType,
        found: RecordType,
    },
    #[error("framing version {major}.{minor} instead of 1.0")]
    Version { major: u8, minor: u8 },
    #[error("{0:#04x} is not a mode")]
    Mode(u8),
    #[error("{0:#04x} is not a known encoding")]
    KnownEncoding(u8),
    #[error("a size of more than 32 bits")]
    SizeOverflow,
    #[error("a size written with more bytes than it needs")]
    SizeOverlong,
    #[error("a size of at least {size} bytes, where {limit} are allowed")]
    TooLong { size: u32, limit: u32 },
    #[error("text that is not UTF-8")]
    NotUtf8,
}

/// The maximum length of a Via in bytes: what Windows accepts.
pub const MAX_VIA: u32 = 2048;

/// The maximum length in bytes of a content type or an upgrade's name: what Windows accepts.
pub const MAX_CONTENT_TYPE: u32 = 256;

/// The maximum length of a fault in bytes: what Windows accepts.
pub const MAX_FAULT: u32 = 256;

/// The maximum length in bytes of a sized envelope or a chunk: one stage of an exchange, and ample room for the frames
/// around it. Payload is never held as a whole, so this limits time rather than memory.
pub const MAX_ENVELOPE: u32 = MAX_STAGE_BYTES + 64 * 1024;

#[cfg(test)]
mod tests;
