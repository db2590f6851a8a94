//! The types of frames in the dialogue.

use crate::limits::{MAX_FRAME_BODY, MAX_GREETING_BODY};

/// The type of a frame. Its number is the frame's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FrameType {
    Greeting = 1,
    Testimony = 2,
    Refusal = 3,
    Exchange = 4,
    Confirmation = 5,
    Receipt = 6,
    Farewell = 7,
    KeepAliveUp = 8,
    KeepAliveDown = 9,
}

impl FrameType {
    /// Returns the HKDF label of this type's key. Each type and direction has its own.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Testimony => "testimony",
            Self::Refusal => "refusal",
            Self::Exchange => "exchange",
            Self::Confirmation => "confirmation",
            Self::Receipt => "receipt",
            Self::Farewell => "farewell",
            Self::KeepAliveUp => "keep-alive c2s",
            Self::KeepAliveDown => "keep-alive s2c",
        }
    }

    /// Returns the longest body that a frame of this type may have, in bytes.
    pub(crate) fn max_body(self) -> usize {
        match self {
            Self::Greeting => MAX_GREETING_BODY,
            Self::Testimony
            | Self::Refusal
            | Self::Exchange
            | Self::Confirmation
            | Self::Receipt
            | Self::Farewell
            | Self::KeepAliveUp
            | Self::KeepAliveDown => MAX_FRAME_BODY,
        }
    }

    /// Returns the type with number `byte`, or `None` if there is none.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Greeting,
            2 => Self::Testimony,
            3 => Self::Refusal,
            4 => Self::Exchange,
            5 => Self::Confirmation,
            6 => Self::Receipt,
            7 => Self::Farewell,
            8 => Self::KeepAliveUp,
            9 => Self::KeepAliveDown,
            _ => return None,
        })
    }
}
