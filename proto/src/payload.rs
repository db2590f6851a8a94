//! The exchange's payload: a ChaCha20 key stream (RFC 8439) that only the two ends can produce. So no device on the
//! path can answer for the server, and any offset can be checked without a copy.

use std::fmt;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use sha2::{Digest as _, Sha256};

use crate::key::KeySchedule;
use crate::wire::Received;

/// The direction of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Client to server.
    Up,
    /// Server to client.
    Down,
}

/// Produces one stage's payload in any number of pieces.
pub struct PayloadSource {
    stream: ChaCha20,
    remaining: u32,
}

impl PayloadSource {
    /// Creates the source of one stage's payload. `keys` are the session's keys; `bytes` is the stage's size.
    pub fn new(keys: &KeySchedule, direction: Direction, stage: u32, bytes: u32) -> Self {
        Self {
            stream: key_stream(keys, direction, stage),
            remaining: bytes,
        }
    }

    pub fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Appends up to `limit` bytes to `out` and returns how many.
    pub fn produce(&mut self, out: &mut Vec<u8>, limit: usize) -> usize {
        let n = limit.min(self.remaining as usize);
        let start = out.len();
        out.resize(start + n, 0);
        self.stream.apply_keystream(&mut out[start..]);
        self.remaining -= u32::try_from(n).expect("n is at most `remaining`, a u32");
        n
    }
}

impl fmt::Debug for PayloadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadSource")
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}

/// Checks one stage's payload as it arrives, in any number of pieces.
pub struct PayloadSink {
    stage: u32,
    expected: ChaCha20,
    digest: Sha256,
    wanted: u32,
    received: u32,
    altered_at: Option<u32>,
}

impl PayloadSink {
    pub fn new(keys: &KeySchedule, direction: Direction, stage: u32, bytes: u32) -> Self {
        Self {
            stage,
            expected: key_stream(keys, direction, stage),
            digest: Sha256::new(),
            wanted: bytes,
            received: 0,
            altered_at: None,
        }
    }

    /// Takes this stage's bytes from the front of `input` and returns how many.
    pub fn accept(&mut self, input: &[u8]) -> usize {
        let n = input.len().min((self.wanted - self.received) as usize);
        self.digest.update(&input[..n]);
        for piece in input[..n].chunks(CHUNK) {
            self.compare(piece);
        }
        n
    }

    pub fn complete(&self) -> bool {
        self.received == self.wanted
    }

    pub fn received(&self) -> u32 {
        self.received
    }

    pub fn altered_at(&self) -> Option<u32> {
        self.altered_at
    }

    /// Returns the report for the sender.
    pub fn report(&self) -> Received {
        Received {
            stage: self.stage,
            bytes: self.received,
            sha256: self.digest.clone().finalize().to_vec(),
            altered_at: self.altered_at,
        }
    }

    fn compare(&mut self, piece: &[u8]) {
        let mut expected = [0u8; CHUNK];
        let expected = &mut expected[..piece.len()];
        self.expected.apply_keystream(expected);
        if self.altered_at.is_none()
            && let Some(at) = piece.iter().zip(expected.iter()).position(|(a, b)| a != b)
        {
            let at = u32::try_from(at).expect("a position within CHUNK");
            self.altered_at = Some(self.received + at);
        }
        self.received += u32::try_from(piece.len()).expect("a length within CHUNK");
    }
}

impl fmt::Debug for PayloadSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadSink")
            .field("stage", &self.stage)
            .field("wanted", &self.wanted)
            .field("received", &self.received)
            .field("altered_at", &self.altered_at)
            .finish_non_exhaustive()
    }
}

fn key_stream(keys: &KeySchedule, direction: Direction, stage: u32) -> ChaCha20 {
    let key = keys.expand(match direction {
        Direction::Up => "payload c2s",
        Direction::Down => "payload s2c",
    });
    let mut nonce = [0u8; 12];
    nonce[8..].copy_from_slice(&stage.to_be_bytes());
    // The key is passed by reference: a copy would stay in memory.
    ChaCha20::new_from_slices(key.as_slice(), &nonce)
        .expect("these are a key's and a nonce's lengths")
}

/// The number of bytes compared at a time. They are on the stack, so that a check in progress needs no heap.
const CHUNK: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::Secret;

    fn keys() -> KeySchedule {
        Secret::new([3; 32]).for_session(&[1; 32], &[2; 32])
    }

    fn produce(direction: Direction, stage: u32, bytes: u32) -> Vec<u8> {
        let mut out = Vec::new();
        PayloadSource::new(&keys(), direction, stage, bytes).produce(&mut out, usize::MAX);
        out
    }

    #[test]
    fn stages_and_directions_differ() {
        let a = produce(Direction::Up, 0, 64);
        assert_ne!(a, produce(Direction::Up, 1, 64));
        assert_ne!(a, produce(Direction::Down, 0, 64));
        assert_eq!(a, produce(Direction::Up, 0, 64));
    }

    #[test]
    fn the_first_altered_byte_is_found() {
        let mut bytes = produce(Direction::Up, 2, 5000);
        bytes[1234] ^= 1;
        bytes[4000] ^= 1;
        let mut sink = PayloadSink::new(&keys(), Direction::Up, 2, 5000);
        assert_eq!(sink.accept(&bytes), 5000);
        assert_eq!(sink.report().altered_at, Some(1234));
        assert!(sink.complete());
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_report(total in 0u32..4096, cuts in prop::collection::vec(1usize..700, 0..20)) {
            let bytes = produce(Direction::Down, 1, total);
            let mut sink = PayloadSink::new(&keys(), Direction::Down, 1, total);
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let n = cut.min(rest.len());
                prop_assert_eq!(sink.accept(&rest[..n]), n);
                rest = &rest[n..];
            }
            // Bytes after the stage belong to the next frame.
            let mut tail = rest.to_vec();
            tail.extend_from_slice(b"next");
            prop_assert_eq!(sink.accept(&tail), rest.len());
            prop_assert!(sink.complete());
            let report = sink.report();
            prop_assert_eq!(report.altered_at, None);
            prop_assert_eq!(report.sha256, Sha256::digest(&bytes).to_vec());
        }
    }
}
