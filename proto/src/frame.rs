//! Frames of the dialogue: type, length, body, MAC. A frame is checked against fixed limits before memory is allocated.
//! Its MAC covers the bytes as received, never a re-encoding.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message;
use sha2::Sha256;
use thiserror::Error;

use crate::decoded::Decoded;
use crate::key::KeySchedule;
use crate::transcript::Transcript;

pub use crate::frame_type::FrameType;

/// One complete frame in the receive buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    frame_type: FrameType,
    raw: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads one frame from the front of `input`.
    ///
    /// # Errors
    /// The type is unknown, or the length is over the type's limit. Nothing after the frame can be read.
    pub fn decode(input: &'a [u8]) -> Result<Decoded<Self>, FrameError> {
        let Some((&type_byte, _)) = input.split_first() else {
            return Ok(Decoded::Incomplete { at_least: OVERHEAD });
        };
        let frame_type =
            FrameType::from_byte(type_byte).ok_or(FrameError::UnknownType(type_byte))?;
        let Some(length) = input.get(1..HEADER) else {
            return Ok(Decoded::Incomplete {
                at_least: OVERHEAD - input.len(),
            });
        };
        let length = u32::from_be_bytes(length.try_into().expect("a slice of 4 bytes")) as usize;
        if length > frame_type.max_body() {
            return Err(FrameError::TooLong { frame_type, length });
        }
        let total = OVERHEAD + length;
        Ok(match input.get(..total) {
            Some(raw) => Decoded::Complete {
                value: Self { frame_type, raw },
                consumed: total,
            },
            None => Decoded::Incomplete {
                at_least: total - input.len(),
            },
        })
    }

    pub fn frame_type(&self) -> FrameType {
        self.frame_type
    }

    /// Returns the frame's length on the wire, in bytes.
    pub fn wire_len(&self) -> usize {
        self.raw.len()
    }

    /// Decodes the body without checking the MAC, for the one field (the key id) that must be read before a MAC can be
    /// checked.
    ///
    /// # Errors
    /// The body is not a message of type `M`.
    pub fn peek<M: Message + Default>(&self) -> Result<M, OpenError> {
        M::decode(self.body()).map_err(|_| OpenError::Malformed(self.frame_type))
    }

    /// Checks the MAC, adds the frame to the transcript, and decodes the body.
    ///
    /// # Errors
    /// The MAC does not match these bytes under this key after this transcript, or an authentic body is not a message
    /// of type `M`. The transcript is then unchanged.
    pub fn open<M: Message + Default>(
        &self,
        keys: &KeySchedule,
        transcript: &mut Transcript,
    ) -> Result<M, OpenError> {
        let (covered, mac) = self.raw.split_at(self.raw.len() - MAC);
        mac_over(keys, self.frame_type, transcript, covered)
            .verify_slice(mac)
            .map_err(|_| OpenError::Mac(self.frame_type))?;
        let message = self.peek()?;
        transcript.add(self.frame_type, self.raw);
        Ok(message)
    }

    fn body(&self) -> &'a [u8] {
        &self.raw[HEADER..self.raw.len() - MAC]
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?}, {} bytes)", self.frame_type, self.raw.len())
    }
}

/// Appends a frame with `message` to `out` and to the transcript.
pub fn seal(
    out: &mut Vec<u8>,
    frame_type: FrameType,
    message: &impl Message,
    keys: &KeySchedule,
    transcript: &mut Transcript,
) {
    let start = out.len();
    let length = message.encoded_len();
    debug_assert!(
        length <= frame_type.max_body(),
        "{frame_type:?} of {length} bytes"
    );
    out.reserve(OVERHEAD + length);
    out.push(frame_type as u8);
    let length = u32::try_from(length).expect("messages of this protocol are far below 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    message
        .encode(out)
        .expect("a Vec takes any number of bytes");
    let mac = mac_over(keys, frame_type, transcript, &out[start..]).finalize();
    out.extend_from_slice(&mac.into_bytes());
    transcript.add(frame_type, &out[start..]);
}

fn mac_over(
    keys: &KeySchedule,
    frame_type: FrameType,
    transcript: &Transcript,
    covered: &[u8],
) -> Hmac<Sha256> {
    let key = keys.expand(frame_type.label());
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length");
    mac.update(&transcript.covered_by(frame_type));
    mac.update(covered);
    mac
}

/// The error for bytes that are not a frame. Nothing after them can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    #[error("{0:#04x} is not a frame type")]
    UnknownType(u8),
    #[error("a {frame_type:?} frame of {length} bytes is over the limit of {}", frame_type.max_body())]
    TooLong {
        frame_type: FrameType,
        length: usize,
    },
}

/// The error for a complete frame with a wrong MAC or body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    #[error("the MAC of the {0:?} frame does not match its bytes")]
    Mac(FrameType),
    #[error("the {0:?} frame does not hold such a message")]
    Malformed(FrameType),
}

/// The length of type and length field.
pub const HEADER: usize = 5;
/// The length of the complete HMAC-SHA-256.
pub const MAC: usize = 32;
/// The number of bytes that a frame adds to its body.
pub const OVERHEAD: usize = HEADER + MAC;

#[cfg(test)]
mod tests;
