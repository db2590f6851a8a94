//! Digests of the first bytes that arrived: enough to report to a client later how its connection ended, and useless to
//! everyone else.

use proto::client_hello::ClientHelloTap;
use proto::limits::SIGHTING_PREFIXES;
use sha2::{Digest as _, Sha256};

use crate::sightings::{PrefixDigest, Prefixes};

/// Watches the TCP payload that a connection receives, TLS records included.
#[derive(Debug)]
pub(super) struct Arrivals {
    total: u64,
    /// The digest over all bytes so far; `None` once the longest prefix is complete.
    digest: Option<Sha256>,
    prefixes: Prefixes,
    unique_from: Option<u32>,
    tap: Option<Box<ClientHelloTap>>,
    client_hello_sha256: Option<[u8; 32]>,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            total: 0,
            digest: Some(Sha256::new()),
            prefixes: Prefixes::new(),
            unique_from: None,
            tap: None,
            client_hello_sha256: None,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(digest) = &mut self.digest
            && !rest.is_empty()
        {
            // `digest` exists only while a boundary is still ahead.
            let boundary = SIGHTING_PREFIXES[self.prefixes.len()] as u64;
            let missing = usize::try_from(boundary - self.total).unwrap_or(usize::MAX);
            let (piece, after) = rest.split_at(missing.min(rest.len()));
            digest.update(piece);
            self.total += piece.len() as u64;
            rest = after;
            if self.total == boundary {
                self.end_prefix();
            }
        }
        self.total += rest.len() as u64;
    }

    /// Records that the stream is TLS from here on. `leftover` is the part of it that has been pushed already.
    pub(super) fn begin_tls(&mut self, leftover: &[u8]) {
        self.tap = Some(Box::default());
        self.watch_hello(leftover);
    }

    /// Adds bytes of the TLS stream.
    pub(super) fn push_tls(&mut self, bytes: &[u8]) {
        self.push(bytes);
        self.watch_hello(bytes);
    }

    /// Records that the handshake has ended, successfully or not: no ClientHello can follow.
    pub(super) fn end_hellos(&mut self) {
        self.tap = None;
    }

    /// Records that the first `bytes` bytes of the stream distinguish this connection from every other. Only the first
    /// call counts.
    pub(super) fn unique_from(&mut self, bytes: usize) {
        self.unique_from = self.unique_from.or_else(|| u32::try_from(bytes).ok());
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn distinguishing_prefix(&self) -> Option<u32> {
        self.unique_from
    }

    pub(super) fn client_hello_sha256(&self) -> Option<[u8; 32]> {
        self.client_hello_sha256
    }

    /// Returns the digests of all prefixes so far. While the stream is shorter than the longest prefix, all bytes so
    /// far count as a prefix too.
    pub(super) fn prefixes(&self) -> Prefixes {
        let mut prefixes = self.prefixes.clone();
        if let (Some(digest), Ok(bytes)) = (&self.digest, u32::try_from(self.total))
            && bytes > prefixes.last().map_or(0, |last| last.bytes)
        {
            prefixes.push(PrefixDigest {
                bytes,
                sha256: digest.clone().finalize().into(),
            });
        }
        prefixes
    }

    fn end_prefix(&mut self) {
        if let (Some(digest), Ok(bytes)) = (&self.digest, u32::try_from(self.total)) {
            self.prefixes.push(PrefixDigest {
                bytes,
                sha256: digest.clone().finalize().into(),
            });
        }
        if self.prefixes.len() == SIGHTING_PREFIXES.len() {
            self.digest = None;
        }
    }

    fn watch_hello(&mut self, bytes: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap.push(bytes);
            self.client_hello_sha256 = tap.sha256();
            if tap.has_ended() {
                self.tap = None;
            }
        }
    }
}

/// The bytes of a dialogue that distinguish it from every other: magic, frame header, version, the longest key id, run
/// id, session id, and 8 bytes of the nonce. These fields of a greeting are encoded in the order of their numbers.
pub(super) const DIALOGUE_UNIQUE: usize = 8 + 5 + 2 + (2 + 32) + (2 + 16) + (2 + 16) + (2 + 8);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(bytes: &[u8]) -> Vec<PrefixDigest> {
        let longest = SIGHTING_PREFIXES[SIGHTING_PREFIXES.len() - 1];
        let mut lengths: Vec<usize> = SIGHTING_PREFIXES.to_vec();
        if bytes.len() < longest {
            lengths.push(bytes.len());
        }
        lengths.retain(|n| (1..=bytes.len()).contains(n));
        lengths.dedup();
        lengths
            .into_iter()
            .map(|n| PrefixDigest {
                bytes: n as u32,
                sha256: Sha256::digest(&bytes[..n]).into(),
            })
            .collect()
    }

    #[test]
    fn every_length_has_the_digests_of_its_prefixes() {
        let stream: Vec<u8> = (0..600u32).map(|i| (i % 251) as u8).collect();
        for end in 0..stream.len() {
            let mut arrivals = Arrivals::new();
            arrivals.push(&stream[..end]);
            assert_eq!(
                arrivals.prefixes()[..],
                expected(&stream[..end])[..],
                "{end} bytes"
            );
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_digests(cuts in prop::collection::vec(0usize..300, 0..12)) {
            let (mut arrivals, mut stream) = (Arrivals::new(), Vec::new());
            for (i, cut) in cuts.iter().enumerate() {
                let piece = vec![i as u8; *cut];
                arrivals.push(&piece);
                stream.extend_from_slice(&piece);
            }
            prop_assert_eq!(arrivals.total(), stream.len() as u64);
            prop_assert_eq!(&arrivals.prefixes()[..], &expected(&stream)[..]);
        }
    }
}
