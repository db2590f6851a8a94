//! The X.224 connection request and confirm with which RDP negotiates TLS (MS-RDPBCGR sections
//! 2.2.1.1 and 2.2.1.2), each in one TPKT packet (RFC 1006 section 6).

mod confirm;
mod request;

use std::ops::BitOr;

use thiserror::Error;

use crate::cursor::{Cursor, Stop, decode_front};
use crate::decoded::Decoded;

pub use self::confirm::{ConnectionConfirm, Negotiation, NegotiationFailure};
pub use self::request::{ConnectionRequest, Cookie, NegotiationRequest};

/// A set of security protocols: `requestedProtocols` of a request, or the one bit (or none) of `selectedProtocol` in a
/// confirm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Protocols(u32);

impl Protocols {
    /// Standard RDP security, which has no bit: every set contains it.
    pub const RDP: Self = Self(0);
    /// TLS.
    pub const SSL: Self = Self(0x01);
    /// CredSSP over TLS.
    pub const HYBRID: Self = Self(0x02);
    pub const RDSTLS: Self = Self(0x04);
    /// CredSSP with the early user authorization result.
    pub const HYBRID_EX: Self = Self(0x08);
    /// Microsoft Entra authentication.
    pub const RDSAAD: Self = Self(0x10);

    /// Creates a set. It keeps bits without a name, so that nothing received is lost.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub const fn bits(self) -> u32 {
        self.0
    }

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Protocols {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The reason why bytes are not an X.224 connection request or confirm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum X224Error {
    #[error("begins with {0:#04x} {1:#04x}, not with TPKT version 3")]
    NotTpkt(u8, u8),
    #[error("a TPKT packet of {0} bytes, which no connection request or confirm can have")]
    PacketLength(u16),
    #[error("X.224 length {indicator} in a TPKT packet of {packet} bytes")]
    LengthMismatch { indicator: u8, packet: u16 },
    #[error("TPDU code {0:#04x} instead of {1:#04x}")]
    TpduCode(u8, u8),
    #[error("X.224 class and options {0:#04x} instead of class 0")]
    Class(u8),
    #[error("the text before the negotiation data is not an mstshash cookie")]
    Cookie,
    #[error("a cookie name of {0} bytes, where 1 to {MAX_COOKIE_NAME} are allowed")]
    CookieLength(usize),
    #[error("negotiation data of type {0:#04x}")]
    NegotiationType(u8),
    #[error("negotiation data that claims {0} bytes instead of {NEGOTIATION_LEN}")]
    NegotiationLength(u16),
    #[error("negotiation data cut short, or more bytes after it")]
    NegotiationSize,
}

/// The part that both TPDUs have in common.
struct Tpdu<'a> {
    source_reference: u16,
    /// The bytes after the fixed part: cookie and negotiation data.
    variable: &'a [u8],
}

impl<'a> Tpdu<'a> {
    /// Reads one TPDU with this code from the front of `bytes`, and interprets it.
    fn decode<T>(
        bytes: &'a [u8],
        code: u8,
        interpret: impl FnOnce(&Self) -> Result<T, X224Error>,
    ) -> Result<Decoded<T>, X224Error> {
        decode_front(bytes, |cursor| {
            let tpdu = Self::read(cursor, code)?;
            interpret(&tpdu).map_err(Stop::Invalid)
        })
    }

    /// Reads one TPKT packet and the fixed part of the TPDU in it.
    ///
    /// The destination reference is ignored, because class 0 does not use it.
    fn read(cursor: &mut Cursor<'a>, code: u8) -> Result<Self, Stop<X224Error>> {
        let [version, reserved] = cursor.array()?;
        if [version, reserved] != TPKT {
            return Err(Stop::Invalid(X224Error::NotTpkt(version, reserved)));
        }
        let packet = cursor.u16_be()?;
        if !(MIN_PACKET..=MAX_PACKET).contains(&packet) {
            return Err(Stop::Invalid(X224Error::PacketLength(packet)));
        }
        let tpdu = cursor.take(usize::from(packet - TPKT_HEADER))?;
        let ([indicator, found, _, _, source_high, source_low, class], variable) = tpdu
            .split_first_chunk()
            .expect("MIN_PACKET leaves room for the fixed part");
        let (indicator, found, class) = (*indicator, *found, *class);
        if u16::from(indicator) != packet - TPKT_HEADER - 1 {
            return Err(Stop::Invalid(X224Error::LengthMismatch {
                indicator,
                packet,
            }));
        }
        if found != code {
            return Err(Stop::Invalid(X224Error::TpduCode(found, code)));
        }
        if class != 0 {
            return Err(Stop::Invalid(X224Error::Class(class)));
        }
        Ok(Self {
            source_reference: u16::from_be_bytes([*source_high, *source_low]),
            variable,
        })
    }

    fn encode(&self, code: u8, out: &mut Vec<u8>) {
        let indicator = u8::try_from(self.variable.len())
            .ok()
            .and_then(|variable| variable.checked_add(FIXED_PART - 1))
            .expect("cookie and negotiation data have fixed upper bounds");
        let packet = u16::from(indicator) + 1 + TPKT_HEADER;
        out.extend_from_slice(&TPKT);
        out.extend_from_slice(&packet.to_be_bytes());
        out.extend_from_slice(&[indicator, code, 0, 0]);
        out.extend_from_slice(&self.source_reference.to_be_bytes());
        out.push(0);
        out.extend_from_slice(self.variable);
    }
}

/// The 8 bytes that RDP_NEG_REQ, RDP_NEG_RSP and RDP_NEG_FAILURE have in common.
struct NegotiationData {
    kind: u8,
    flags: u8,
    value: u32,
}

impl NegotiationData {
    /// Reads the data, and interprets it. `None` if the TPDU ends before it, as the specification allows.
    fn read<T>(
        bytes: &[u8],
        interpret: impl FnOnce(&Self) -> Result<T, X224Error>,
    ) -> Result<Option<T>, X224Error> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let &[kind, flags, length_low, length_high, v0, v1, v2, v3] = bytes else {
            return Err(X224Error::NegotiationSize);
        };
        let length = u16::from_le_bytes([length_low, length_high]);
        if length != NEGOTIATION_LEN {
            return Err(X224Error::NegotiationLength(length));
        }
        let value = u32::from_le_bytes([v0, v1, v2, v3]);
        interpret(&Self { kind, flags, value }).map(Some)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind, self.flags]);
        out.extend_from_slice(&NEGOTIATION_LEN.to_le_bytes());
        out.extend_from_slice(&self.value.to_le_bytes());
    }
}

/// The length of the longest packet with one TPDU. The length indicator is one byte, and its value 255 is reserved
/// (ITU-T X.224 section 13.2.1).
pub const MAX_PACKET: u16 = TPKT_HEADER + 1 + 254;

/// The maximum length in bytes of the name in a cookie. Windows sends at most 9; other clients send a whole
/// `DOMAIN\user`, which has at most 15 + 1 + 20.
pub const MAX_COOKIE_NAME: usize = 64;

const TPKT: [u8; 2] = [3, 0];
const TPKT_HEADER: u16 = 4;
/// The length of the fixed part: length indicator, code, both references, class.
const FIXED_PART: u8 = 7;
const MIN_PACKET: u16 = TPKT_HEADER + FIXED_PART as u16;
const NEGOTIATION_LEN: u16 = 8;

#[cfg(test)]
mod tests;
