//! Watches the client's side of a TLS stream for its ClientHello messages. Both ends hash them, so
//! that a device which rewrites the hello shows even where TLS itself does not notice.

mod records;
mod summary;

use sha2::{Digest as _, Sha256};

use self::records::{Piece, Records};

pub use self::summary::{ClientHelloSummary, MAX_LISTED};

/// Reads the bytes that the client sends, from the first on, in pieces of any size.
///
/// It counts the first ClientHello and, after a HelloRetryRequest, the second (RFC 8446 section
/// 4.1.2). It stops for good at the first record that is neither handshake nor change_cipher_spec,
/// at any other handshake message, and at whatever cannot be the second hello; so a TLS 1.2
/// handshake, where encrypted messages have the record type of plain ones, adds nothing. A second
/// hello that follows early data is not seen.
///
/// Memory is bounded: at most [`MAX_KEPT`] bytes of the first hello are held, and only until its
/// end.
#[derive(Debug)]
pub struct ClientHelloTap {
    records: Records,
    message: Message,
    /// Over all whole hellos so far.
    whole: Sha256,
    hellos: u8,
    /// What the second hello must repeat of the first.
    identity: [u8; IDENTITY],
    summary: Option<ClientHelloSummary>,
    ended: bool,
}

impl ClientHelloTap {
    pub fn new() -> Self {
        Self {
            records: Records::new(),
            message: Message::new(Sha256::new(), MAX_KEPT),
            whole: Sha256::new(),
            hellos: 0,
            identity: [0; IDENTITY],
            summary: None,
            ended: false,
        }
    }

    /// Takes the next bytes of the stream. Those after the end of the tap cost nothing.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !self.ended && !bytes.is_empty() {
            let (piece, used) = self.records.next(bytes);
            bytes = &bytes[used..];
            match piece {
                Piece::Nothing => {}
                Piece::Handshake(fragment) => self.push_handshake(fragment),
                // It may stand between two hellos (RFC 8446 appendix D.4), not before or within one.
                Piece::ChangeCipherSpec => {
                    self.ended = self.hellos == 0 || self.message.is_begun();
                }
                Piece::End => self.ended = true,
            }
        }
    }

    /// How many whole ClientHello messages were seen: 0, 1 or 2.
    pub fn hellos(&self) -> usize {
        usize::from(self.hellos)
    }

    /// SHA-256 over all whole ClientHello messages in their order, each with its handshake header
    /// and without record headers. `None` before the first.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        (self.hellos > 0).then(|| self.whole.clone().finalize().into())
    }

    /// What the first hello says. `None` before it is whole, or if it is too malformed to say
    /// anything.
    pub fn summary(&self) -> Option<&ClientHelloSummary> {
        self.summary.as_ref()
    }

    /// Whether no further byte can change anything.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn push_handshake(&mut self, mut fragment: &[u8]) {
        while !self.ended && !fragment.is_empty() {
            let used = self.message.push(fragment);
            fragment = &fragment[used..];
            match self.message.progress() {
                Progress::Unfinished => {}
                Progress::Whole => self.finish_message(),
                Progress::NoHello => self.ended = true,
            }
        }
    }

    fn finish_message(&mut self) {
        let identity = self.message.identity();
        if self.hellos == 0 {
            self.identity = identity;
            self.summary = ClientHelloSummary::parse(&self.message.kept);
        } else if self.identity != identity {
            self.ended = true;
            return;
        }
        self.whole = self.message.hash.clone();
        self.hellos += 1;
        self.ended = self.hellos == MAX_HELLOS;
        self.message = Message::new(self.whole.clone(), HEADER + IDENTITY);
    }
}

impl Default for ClientHelloTap {
    fn default() -> Self {
        Self::new()
    }
}

/// A handshake message that is still being received.
#[derive(Debug)]
struct Message {
    /// Over the hellos before it, and what has come of it.
    hash: Sha256,
    /// Its first bytes, at most `keep` of them.
    kept: Vec<u8>,
    keep: usize,
    seen: usize,
}

enum Progress {
    Unfinished,
    Whole,
    NoHello,
}

impl Message {
    fn new(hash: Sha256, keep: usize) -> Self {
        Self {
            hash,
            kept: Vec::new(),
            keep,
            seen: 0,
        }
    }

    fn is_begun(&self) -> bool {
        self.seen > 0
    }

    /// Takes what belongs to the header or, once that is there, to the body; at least one byte.
    fn push(&mut self, fragment: &[u8]) -> usize {
        let missing = self.length().unwrap_or(HEADER).saturating_sub(self.seen);
        let taken = &fragment[..missing.min(fragment.len())];
        let kept = self.keep.saturating_sub(self.kept.len()).min(taken.len());
        self.kept.extend_from_slice(&taken[..kept]);
        self.hash.update(taken);
        self.seen += taken.len();
        taken.len()
    }

    fn progress(&self) -> Progress {
        match self.length() {
            _ if self.kept.first().is_some_and(|&kind| kind != CLIENT_HELLO) => Progress::NoHello,
            None => Progress::Unfinished,
            Some(length) if !(HEADER + IDENTITY..=MAX_HELLO).contains(&length) => Progress::NoHello,
            Some(length) if self.seen == length => Progress::Whole,
            Some(_) => Progress::Unfinished,
        }
    }

    /// The length of the message with its header, once that is known.
    fn length(&self) -> Option<usize> {
        let [_, high, middle, low] = *self.kept.first_chunk::<HEADER>()?;
        Some(HEADER + u32::from_be_bytes([0, high, middle, low]) as usize)
    }

    /// Legacy version and random; of a whole hello only.
    fn identity(&self) -> [u8; IDENTITY] {
        let mut identity = [0; IDENTITY];
        let kept = self.kept.get(HEADER..HEADER + IDENTITY);
        identity.copy_from_slice(kept.expect("a hello with less has no progress to Whole"));
        identity
    }
}

/// Bytes of a ClientHello at most, its header included: what TLS libraries accept. Post-quantum
/// key shares take about 2 KiB of it.
pub const MAX_HELLO: usize = 64 * 1024;

/// Bytes of the first hello that the summary is made from. More than any hello in use has; of a
/// longer one the rest is hashed, and the summary says that it was cut.
pub const MAX_KEPT: usize = 4 * 1024;

/// A second HelloRetryRequest is a protocol violation (RFC 8446 section 4.1.4).
const MAX_HELLOS: u8 = 2;

/// Message type and length.
const HEADER: usize = 4;
/// Legacy version and random: a client must repeat both (RFC 8446 section 4.1.2).
const IDENTITY: usize = 2 + 32;
const CLIENT_HELLO: u8 = 1;

#[cfg(test)]
mod tests;
