//! The first bytes of a connection. The server finds its sighting of the connection by digests of them; the client
//! recognises a plain echo by the bytes themselves.

use proto::limits::SIGHTING_PREFIXES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hex_bytes::{Digest, HexArray};

/// Digest of the first bytes that were sent on the plain TCP stream.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SentPrefix {
    /// The number of bytes that the digest covers.
    pub bytes: u32,
    pub sha256: Digest,
}

/// Digests of the first bytes of the plain TCP stream, up to the longest prefix.
#[derive(Debug)]
pub(super) struct FirstSent {
    /// `None` once the longest prefix is complete.
    hasher: Option<Sha256>,
    hashed: usize,
    complete: Vec<SentPrefix>,
    start: Start,
}

/// The first bytes of a stream, at most [`KEPT`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    bytes: [u8; KEPT],
    len: usize,
}

/// Returns the prefixes by which the server finds a connection that sends only `bytes`.
pub fn prefixes_of(bytes: &[u8]) -> Vec<SentPrefix> {
    let mut sent = FirstSent::new();
    sent.add(bytes);
    sent.prefixes()
}

impl FirstSent {
    pub(super) fn new() -> Self {
        Self {
            hasher: Some(Sha256::new()),
            hashed: 0,
            complete: Vec::with_capacity(SIGHTING_PREFIXES.len()),
            start: Start::new(),
        }
    }

    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        self.start.add(bytes);
        while let Some(hasher) = &mut self.hasher
            && !bytes.is_empty()
        {
            let next = SIGHTING_PREFIXES[self.complete.len()];
            let (piece, rest) = bytes.split_at(bytes.len().min(next - self.hashed));
            hasher.update(piece);
            self.hashed += piece.len();
            bytes = rest;
            if self.hashed == next {
                self.complete.push(prefix(hasher, next));
            }
            if self.complete.len() == SIGHTING_PREFIXES.len() {
                self.hasher = None;
            }
        }
    }

    pub(super) fn start(&self) -> &Start {
        &self.start
    }

    /// Returns the complete prefixes. If the longest is not complete yet, the last entry covers everything sent so far.
    pub(super) fn prefixes(&self) -> Vec<SentPrefix> {
        let mut all = self.complete.clone();
        let covered = all.last().map_or(0, |last| last.bytes as usize);
        if let Some(hasher) = &self.hasher
            && self.hashed > covered
        {
            all.push(prefix(hasher, self.hashed));
        }
        all
    }
}

impl Start {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; KEPT],
            len: 0,
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(KEPT - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&bytes[..n]);
        self.len += n;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether `received` repeats the sent bytes, as far as both are known.
    ///
    /// A match shorter than [`ECHO_AT_LEAST`] could be chance, so it counts only if nothing more was sent.
    pub(super) fn echoed_by(&self, received: &[u8]) -> bool {
        let n = self.len.min(received.len());
        (n >= ECHO_AT_LEAST || n == self.len && n > 0) && self.bytes[..n] == received[..n]
    }
}

fn prefix(hasher: &Sha256, bytes: usize) -> SentPrefix {
    SentPrefix {
        bytes: u32::try_from(bytes).expect("at most the longest of SIGHTING_PREFIXES"),
        sha256: HexArray(hasher.clone().finalize().into()),
    }
}

/// Bytes kept of a stream's start. Except in MC-NMF, they include bytes that differ from session to session.
const KEPT: usize = 64;

/// The shortest match that counts as an echo. A stranger does not send eight matching bytes in a row by chance.
const ECHO_AT_LEAST: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8]) -> SentPrefix {
        SentPrefix {
            bytes: bytes.len() as u32,
            sha256: HexArray(Sha256::digest(bytes).into()),
        }
    }

    #[test]
    fn less_than_the_longest_prefix_is_covered_whole() {
        let mut sent = FirstSent::new();
        assert_eq!(sent.prefixes(), []);
        let bytes = [7; 100];
        sent.add(&bytes);
        assert_eq!(sent.prefixes(), [of(&bytes[..64]), of(&bytes)]);
    }

    #[test]
    fn one_byte_is_an_echo_only_if_one_byte_was_sent() {
        let mut start = Start::new();
        assert!(!start.echoed_by(b""));
        start.add(&[0x0c]);
        assert!(start.echoed_by(&[0x0c]));
        start.add(b"0123456789");
        assert!(!start.echoed_by(&[0x0c]));
        assert!(start.echoed_by(b"\x0c0123456"));
        assert!(!start.echoed_by(b"\x0c012345x"));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_prefixes(
            bytes in prop::collection::vec(any::<u8>(), 0..1500),
            cuts in prop::collection::vec(0usize..200, 0..20),
        ) {
            let mut sent = FirstSent::new();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                sent.add(piece);
                rest = after;
            }
            sent.add(rest);
            let mut expected: Vec<_> = SIGHTING_PREFIXES
                .iter()
                .filter_map(|&n| bytes.get(..n))
                .map(of)
                .collect();
            if bytes.len() < 512 && !bytes.is_empty() && !SIGHTING_PREFIXES.contains(&bytes.len()) {
                expected.push(of(&bytes));
            }
            prop_assert_eq!(sent.prefixes(), expected);
        }
    }
}
