//! Single records (MC-NMF section 2.2.3).

use super::size::{encode_size, read_size};
use super::{
    Fault, KnownEncoding, MAX_CONTENT_TYPE, MAX_ENVELOPE, MAX_VIA, Mode, NmfError, Text, Upgrade,
};
use crate::cursor::{Cursor, Stop, decode_front};
use crate::decoded::Decoded;

/// The type of a record, which is its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordType {
    Version = 0x00,
    Mode = 0x01,
    Via = 0x02,
    KnownEncoding = 0x03,
    ExtensibleEncoding = 0x04,
    UnsizedEnvelope = 0x05,
    SizedEnvelope = 0x06,
    End = 0x07,
    Fault = 0x08,
    UpgradeRequest = 0x09,
    UpgradeResponse = 0x0A,
    PreambleAck = 0x0B,
    PreambleEnd = 0x0C,
}

impl RecordType {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        Ok(match cursor.byte()? {
            0x00 => Self::Version,
            0x01 => Self::Mode,
            0x02 => Self::Via,
            0x03 => Self::KnownEncoding,
            0x04 => Self::ExtensibleEncoding,
            0x05 => Self::UnsizedEnvelope,
            0x06 => Self::SizedEnvelope,
            0x07 => Self::End,
            0x08 => Self::Fault,
            0x09 => Self::UpgradeRequest,
            0x0A => Self::UpgradeResponse,
            0x0B => Self::PreambleAck,
            0x0C => Self::PreambleEnd,
            other => return Err(Stop::Invalid(NmfError::RecordType(other))),
        })
    }
}

/// One record. For an envelope, it is only the header: the caller streams the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Version {
        major: u8,
        minor: u8,
    },
    Mode(Mode),
    Via(Text<MAX_VIA>),
    KnownEncoding(KnownEncoding),
    ExtensibleEncoding(Text<MAX_CONTENT_TYPE>),
    /// An envelope of [`Chunk`](super::Chunk)s, which follow.
    UnsizedEnvelope,
    /// An envelope of `size` bytes of payload, at most [`MAX_ENVELOPE`], which follow.
    SizedEnvelope {
        size: u32,
    },
    End,
    Fault(Fault),
    UpgradeRequest(Upgrade),
    UpgradeResponse,
    PreambleAck,
    PreambleEnd,
}

impl Record {
    /// Reads one record from the front of `bytes`.
    ///
    /// # Errors
    /// The bytes cannot become a record, or the record exceeds a limit.
    pub fn decode(bytes: &[u8]) -> Result<Decoded<Self>, NmfError> {
        decode_front(bytes, |cursor| {
            Ok(match RecordType::read(cursor)? {
                RecordType::Version => {
                    let [major, minor] = cursor.array()?;
                    Self::Version { major, minor }
                }
                RecordType::Mode => Self::Mode(Mode::read(cursor)?),
                RecordType::Via => Self::Via(Text::read(cursor)?),
                RecordType::KnownEncoding => Self::KnownEncoding(KnownEncoding::read(cursor)?),
                RecordType::ExtensibleEncoding => Self::ExtensibleEncoding(Text::read(cursor)?),
                RecordType::UnsizedEnvelope => Self::UnsizedEnvelope,
                RecordType::SizedEnvelope => Self::SizedEnvelope {
                    size: read_size(cursor, MAX_ENVELOPE)?,
                },
                RecordType::End => Self::End,
                RecordType::Fault => Self::Fault(Fault::read(cursor)?),
                RecordType::UpgradeRequest => Self::UpgradeRequest(Upgrade::read(cursor)?),
                RecordType::UpgradeResponse => Self::UpgradeResponse,
                RecordType::PreambleAck => Self::PreambleAck,
                RecordType::PreambleEnd => Self::PreambleEnd,
            })
        })
    }

    /// Appends the record to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.record_type() as u8);
        match self {
            Self::Version { major, minor } => out.extend_from_slice(&[*major, *minor]),
            Self::Mode(mode) => out.push(*mode as u8),
            Self::Via(via) => via.encode(out),
            Self::KnownEncoding(encoding) => out.push(*encoding as u8),
            Self::ExtensibleEncoding(content_type) => content_type.encode(out),
            Self::SizedEnvelope { size } => encode_size(*size, out),
            Self::Fault(fault) => fault.encode(out),
            Self::UpgradeRequest(upgrade) => upgrade.encode(out),
            Self::UnsizedEnvelope
            | Self::End
            | Self::UpgradeResponse
            | Self::PreambleAck
            | Self::PreambleEnd => {}
        }
    }

    pub fn record_type(&self) -> RecordType {
        match self {
            Self::Version { .. } => RecordType::Version,
            Self::Mode(_) => RecordType::Mode,
            Self::Via(_) => RecordType::Via,
            Self::KnownEncoding(_) => RecordType::KnownEncoding,
            Self::ExtensibleEncoding(_) => RecordType::ExtensibleEncoding,
            Self::UnsizedEnvelope => RecordType::UnsizedEnvelope,
            Self::SizedEnvelope { .. } => RecordType::SizedEnvelope,
            Self::End => RecordType::End,
            Self::Fault(_) => RecordType::Fault,
            Self::UpgradeRequest(_) => RecordType::UpgradeRequest,
            Self::UpgradeResponse => RecordType::UpgradeResponse,
            Self::PreambleAck => RecordType::PreambleAck,
            Self::PreambleEnd => RecordType::PreambleEnd,
        }
    }
}
