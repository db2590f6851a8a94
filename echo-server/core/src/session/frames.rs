//! Cuts the dialogue's frames out of bytes that come in pieces of any size.

use proto::decoded::Decoded;
use proto::first_bytes::MAGIC;
use proto::frame::Frame;

/// The error for bytes that are not a frame of the dialogue, and cannot become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAFrame;

/// A buffer for one unfinished frame, never more.
#[derive(Debug)]
pub(super) struct Frames {
    /// The number of bytes of the magic that are still to come.
    magic: usize,
    bytes: Vec<u8>,
}

impl Frames {
    /// Creates a buffer for a dialogue or an HTTP request, which begins with the magic.
    pub(super) fn new() -> Self {
        Self {
            magic: MAGIC.len(),
            bytes: Vec::new(),
        }
    }

    /// Takes bytes from the front of `input` until a frame is complete, and returns it. Bytes after it stay in `input`,
    /// because they may be payload.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Whole>, NotAFrame> {
        self.take_magic(input)?;
        while self.magic == 0 {
            let wanted = match Frame::decode(&self.bytes) {
                Ok(Decoded::Complete { .. }) => {
                    return Ok(Some(Whole(std::mem::take(&mut self.bytes))));
                }
                // The frame's type is checked before the rest of the header has come.
                Ok(Decoded::Incomplete { .. }) if self.bytes.is_empty() => 1,
                Ok(Decoded::Incomplete { at_least }) => at_least,
                Err(_) => return Err(NotAFrame),
            };
            let n = wanted.min(input.len());
            if n == 0 {
                break;
            }
            let (taken, rest) = input.split_at(n);
            self.bytes.extend_from_slice(taken);
            *input = rest;
        }
        Ok(None)
    }

    /// Returns whether part of a frame has arrived.
    pub(super) fn in_the_middle(&self) -> bool {
        !self.bytes.is_empty()
    }

    fn take_magic(&mut self, input: &mut &[u8]) -> Result<(), NotAFrame> {
        while self.magic > 0 {
            let Some((&byte, rest)) = input.split_first() else {
                break;
            };
            if byte != MAGIC[MAGIC.len() - self.magic] {
                return Err(NotAFrame);
            }
            self.magic -= 1;
            *input = rest;
        }
        Ok(())
    }
}

/// A complete frame.
#[derive(Debug)]
pub(super) struct Whole(Vec<u8>);

impl Whole {
    pub(super) fn frame(&self) -> Frame<'_> {
        match Frame::decode(&self.0) {
            Ok(Decoded::Complete { value, .. }) => Some(value),
            Ok(Decoded::Incomplete { .. }) | Err(_) => None,
        }
        .expect("it was whole when it was cut out")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proto::frame::{FrameType, seal};
    use proto::key::Secret;
    use proto::transcript::Transcript;
    use proto::wire::{Greeting, KeepAlive};

    use super::*;

    fn stream() -> Vec<u8> {
        let keys = Secret::new([1; 32]).for_greeting();
        let mut bytes = MAGIC.to_vec();
        let greeting = Greeting {
            padding: vec![7; 300],
            ..Greeting::default()
        };
        seal(
            &mut bytes,
            FrameType::Greeting,
            &greeting,
            &keys,
            &mut Transcript::new(),
        );
        let beat = KeepAlive { sequence: 1 };
        seal(
            &mut bytes,
            FrameType::KeepAliveUp,
            &beat,
            &keys,
            &mut Transcript::new(),
        );
        bytes
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_frames_and_leaves_what_follows(cuts in prop::collection::vec(1usize..200, 1..20)) {
            let stream = stream();
            let (mut frames, mut found, mut rest) = (Frames::new(), Vec::new(), stream.as_slice());
            for cut in cuts.iter().cycle() {
                let (mut piece, after) = rest.split_at((*cut).min(rest.len()));
                while let Some(whole) = frames.next(&mut piece).unwrap() {
                    found.push((whole.frame().frame_type(), whole.frame().wire_len()));
                }
                prop_assert!(piece.is_empty());
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            let total: usize = found.iter().map(|(_, len)| len).sum();
            prop_assert_eq!(total, stream.len() - MAGIC.len());
            prop_assert_eq!(found.len(), 2);
            prop_assert!(!frames.in_the_middle());
        }
    }

    #[test]
    fn what_cannot_become_a_frame_is_refused_at_its_first_wrong_byte() {
        let magic_then = |bytes: &[u8]| {
            let mut frames = Frames::new();
            frames.next(&mut MAGIC.as_slice()).unwrap();
            let mut input = bytes;
            frames.next(&mut input).map(|whole| whole.is_some())
        };
        assert_eq!(
            Frames::new().next(&mut b"\xf7x".as_slice()).err(),
            Some(NotAFrame)
        );
        assert_eq!(magic_then(&[99]), Err(NotAFrame));
        assert_eq!(magic_then(&[1, 0x80, 0, 0]), Ok(false));
        assert_eq!(magic_then(&[1, 0x80, 0, 0, 0]), Err(NotAFrame));
    }
}
