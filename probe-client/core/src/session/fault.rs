//! The faults of received data, as values.

use std::ops::Range;

use proto::frame::FrameType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hex_bytes::HexBytes;
use super::phase::Phase;
use super::recognise::Recognised;

/// The reason why a session could not go on. A session that merely fell silent, or was closed, has
/// none.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Fault {
    /// Bytes that are not of this protocol: something else speaks here.
    ForeignBytes(ForeignBytes),
    /// A frame of this protocol whose MAC does not fit: altered on the way, or made without the
    /// key.
    BadMac {
        frame: ServerFrame,
        /// The place of the altered bytes in the downstream.
        downstream: ByteRange,
    },
    /// An answer to a greeting other than this one: an old answer, played again. Whether the old answer was authentic
    /// cannot be determined.
    NonceMismatch,
    /// Authentic bytes, or a frame that only the server makes, which the protocol does not allow at this point.
    Malformed {
        what: Malformation,
        /// The place of the frame in the downstream.
        downstream: ByteRange,
    },
    /// The server knows the key, and speaks another version of the dialogue.
    OtherVersion { here: u32, there: u32 },
    /// The server knows the key and declines.
    Refused { reason: RefusalReason },
    /// The answer to the preface is of the right protocol, and declines.
    PrefaceRefused {
        quoted: Quoted,
        refusal: PrefaceRefusal,
    },
    /// More bytes than a whole session can have.
    TooLong { limit: u64 },
    /// The server gave up waiting for the rest of a stage, and reported it.
    StageCutShort { stage: u32, confirmed: u32 },
    /// The server did not know the nonce that too many requests named, and the session was given up: a device spreads
    /// requests over instances.
    NonceNeverKnown { requests: u32 },
}

/// Bytes from something other than the server.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignBytes {
    pub phase: Phase,
    /// The bytes came before this side had sent anything.
    pub spoke_first: bool,
    /// Offset of the first foreign byte in the downstream.
    pub at: u64,
    pub quoted: Quoted,
    /// What the bytes are, where they were recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised: Option<Recognised>,
}

/// The first bytes that arrived, at most [`MAX_QUOTED`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// The bytes as text, with escapes for everything that is not printable ASCII.
    pub text: String,
    pub hex: HexBytes,
}

/// Offsets in the downstream: all bytes received since the envelope began, its own bytes included. They are counted
/// inside TLS, if there is TLS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ByteRange {
    pub start: u64,
    /// The first offset after the range.
    pub end: u64,
}

/// The frames that a server sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerFrame {
    Testimony,
    Refusal,
    Confirmation,
    Farewell,
    KeepAlive,
}

/// The defect of a frame or response that is not foreign.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Malformation {
    /// An authentic frame whose body is not a message of its type.
    Body,
    /// A testimony without a server nonce of 32 bytes.
    ServerNonce,
    /// A testimony with an address that is not valid.
    Address,
    /// A testimony with a number or a digest outside its range.
    Value,
    /// A confirmation for another stage, or for more bytes than were sent.
    Confirmation,
    /// A sign of life with a number other than the one asked for.
    KeepAlive,
    /// The response, or its last envelope, ends before the dialogue does.
    EndsEarly,
    /// An HTTP chunk whose size is not a number.
    Chunk,
}

impl From<proto::InvalidAddress> for Malformation {
    fn from(_: proto::InvalidAddress) -> Self {
        Self::Address
    }
}

/// The reason why an authenticated client is turned away.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalReason {
    Overloaded,
    Draining,
    /// A reason that this version does not know.
    Other,
}

/// The form in which a preface was turned down.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum PrefaceRefusal {
    /// RDP_NEG_FAILURE ([MS-RDPBCGR] 2.2.1.2.2), with its code.
    RdpNegotiationFailure { code: u32 },
    /// RDP_NEG_RSP that chose something other than TLS; 0 is standard RDP security.
    RdpProtocol { selected: u32 },
    /// A confirm without negotiation data: the server knows standard RDP security only.
    RdpWithoutNegotiation,
    /// An MC-NMF fault record, with its URI.
    NetTcpFault { uri: String },
}

/// The reason why reading stopped. Foreign bytes are passed on unprocessed, because more of them may follow.
#[derive(Debug)]
pub(super) enum Stop {
    Foreign { at: u64, bytes: Vec<u8> },
    Fault(Box<Fault>),
}

impl Stop {
    pub(super) fn malformed(what: Malformation, downstream: ByteRange) -> Self {
        Fault::Malformed { what, downstream }.into()
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl Quoted {
    /// Quotes the first [`MAX_QUOTED`] bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(MAX_QUOTED)];
        Self {
            text: bytes.escape_ascii().to_string(),
            hex: HexBytes(bytes.to_vec()),
        }
    }
}

impl From<Range<u64>> for ByteRange {
    fn from(Range { start, end }: Range<u64>) -> Self {
        Self { start, end }
    }
}

impl ServerFrame {
    /// Returns the frame's name here; `None` for the frames that only a client sends.
    pub(super) const fn of(frame_type: FrameType) -> Option<Self> {
        Some(match frame_type {
            FrameType::Testimony => Self::Testimony,
            FrameType::Refusal => Self::Refusal,
            FrameType::Confirmation => Self::Confirmation,
            FrameType::Farewell => Self::Farewell,
            FrameType::KeepAliveDown => Self::KeepAlive,
            FrameType::Greeting
            | FrameType::Exchange
            | FrameType::Receipt
            | FrameType::KeepAliveUp => return None,
        })
    }
}

/// The maximum number of bytes in a quotation: several lines of text, or the head of any protocol.
pub const MAX_QUOTED: usize = 256;
