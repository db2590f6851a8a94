//! The closed sets of values in a preamble: mode, known encoding, upgrade.

use super::text::encode_text;
use super::{MAX_CONTENT_TYPE, NmfError, Text};
use crate::cursor::{Cursor, Stop};

/// The way in which envelopes follow one another (MC-NMF section 2.2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// Streamed transfer, which HPC Pack's file staging uses.
    SingletonUnsized = 1,
    /// Buffered transfer, which HPC Pack's SOA traffic uses.
    Duplex = 2,
    Simplex = 3,
    SingletonSized = 4,
}

impl Mode {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        Ok(match cursor.byte()? {
            1 => Self::SingletonUnsized,
            2 => Self::Duplex,
            3 => Self::Simplex,
            4 => Self::SingletonSized,
            other => return Err(Stop::Invalid(NmfError::Mode(other))),
        })
    }
}

/// An envelope encoding with a number of its own (MC-NMF section 2.2.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KnownEncoding {
    Soap11Utf8 = 0,
    Soap11Utf16 = 1,
    Soap11Utf16LittleEndian = 2,
    Soap12Utf8 = 3,
    Soap12Utf16 = 4,
    Soap12Utf16LittleEndian = 5,
    Soap12Mtom = 6,
    /// Binary SOAP 1.2.
    Binary = 7,
    /// Binary SOAP 1.2 with a dictionary per session.
    BinarySession = 8,
}

impl KnownEncoding {
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        Ok(match cursor.byte()? {
            0 => Self::Soap11Utf8,
            1 => Self::Soap11Utf16,
            2 => Self::Soap11Utf16LittleEndian,
            3 => Self::Soap12Utf8,
            4 => Self::Soap12Utf16,
            5 => Self::Soap12Utf16LittleEndian,
            6 => Self::Soap12Mtom,
            7 => Self::Binary,
            8 => Self::BinarySession,
            other => return Err(Stop::Invalid(NmfError::KnownEncoding(other))),
        })
    }
}

/// The protocol that the stream shall be upgraded to (MC-NMF section 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Upgrade {
    /// TLS, which certificate credentials require.
    SslTls,
    /// SPNEGO, which Windows credentials require.
    Negotiate,
    Other(Text<MAX_CONTENT_TYPE>),
}

impl Upgrade {
    pub fn name(&self) -> &str {
        match self {
            Self::SslTls => SSL_TLS,
            Self::Negotiate => NEGOTIATE,
            Self::Other(name) => name.as_str(),
        }
    }

    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Stop<NmfError>> {
        let name = Text::read(cursor)?;
        Ok(match name.as_str() {
            SSL_TLS => Self::SslTls,
            NEGOTIATE => Self::Negotiate,
            _ => Self::Other(name),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_text(self.name(), out);
    }
}

const SSL_TLS: &str = "application/ssl-tls";
const NEGOTIATE: &str = "application/negotiate";
