//! Received bytes on their way through the layers, each with its offset in the downstream.

use proto::decoded::Decoded;
use proto::frame::{Frame, FrameType};

use super::fault::{ByteRange, Stop};

/// The part of the bytes received last that no layer has consumed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Input<'a> {
    /// Makes an input of `bytes`, the first of which has offset `at`.
    pub(super) fn new(bytes: &'a [u8], at: u64) -> Self {
        Self { rest: bytes, at }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns the offset of the next byte.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Takes and returns up to `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Self {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        let at = self.at;
        self.rest = rest;
        self.at += taken.len() as u64;
        Self { rest: taken, at }
    }

    pub(super) fn foreign(&self, before: &[u8], began_at: u64) -> Stop {
        Stop::Foreign {
            at: began_at,
            bytes: [before, self.rest].concat(),
        }
    }
}

/// A buffer for one frame that may arrive in any number of pieces.
#[derive(Debug, Default)]
pub(super) struct FrameBuffer {
    bytes: Vec<u8>,
    began_at: u64,
}

impl FrameBuffer {
    /// Takes from `input` only the bytes of the frame, and returns whether the frame is now complete.
    ///
    /// # Errors
    /// Returns an error if the bytes do not begin one of the `expected` frames.
    pub(super) fn fill(
        &mut self,
        input: &mut Input<'_>,
        expected: &[FrameType],
    ) -> Result<bool, Stop> {
        if self.bytes.is_empty() {
            self.began_at = input.at();
        }
        loop {
            let first = self.bytes.first().or_else(|| input.rest().first());
            let fits = first.is_none_or(|&byte| expected.iter().any(|t| *t as u8 == byte));
            let decoded = if fits {
                Frame::decode(&self.bytes).ok()
            } else {
                None
            };
            match decoded {
                None => return Err(input.foreign(&self.bytes, self.began_at)),
                Some(Decoded::Complete { .. }) => return Ok(true),
                Some(Decoded::Incomplete { .. }) if input.is_empty() => return Ok(false),
                Some(Decoded::Incomplete { at_least }) => {
                    self.bytes.extend_from_slice(input.take(at_least).rest());
                }
            }
        }
    }

    /// Returns the frame once it is complete.
    pub(super) fn frame(&self) -> Option<Frame<'_>> {
        match Frame::decode(&self.bytes) {
            Ok(Decoded::Complete { value, .. }) => Some(value),
            Ok(Decoded::Incomplete { .. }) | Err(_) => None,
        }
    }

    /// Returns the range of the frame's bytes received so far.
    pub(super) fn range(&self) -> ByteRange {
        (self.began_at..self.began_at + self.bytes.len() as u64).into()
    }

    /// Returns the bytes received of an incomplete frame.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Empties the buffer for the next frame and frees its memory.
    pub(super) fn clear(&mut self) {
        self.bytes = Vec::new();
    }
}
