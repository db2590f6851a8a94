//! Watches the client's side of a TLS stream for its ClientHello messages. Both ends hash them, so that a device which
//! rewrites the hello is noticed even if TLS itself does not notice.

mod records;
mod summary;

use sha2::{Digest as _, Sha256};

use self::records::{Piece, Records};

pub use self::summary::{ClientHelloSummary, MAX_LISTED};

/// Reads the bytes that the client sends, from the first on, in pieces of any size.
///
/// It counts the first ClientHello and, after a HelloRetryRequest, the second (RFC 8446 section 4.1.2). It stops for
/// good at the first record that is neither handshake nor change_cipher_spec, at any other handshake message, and at
/// anything that cannot be the second hello. So the encrypted messages of a TLS 1.2 handshake, whose record type is
/// that of plain ones, add nothing. A second hello that follows early data is not seen.
///
/// Memory is bounded: it keeps at most [`MAX_KEPT`] bytes of the first hello, and only until the hello ends.
#[derive(Debug)]
pub struct ClientHelloTap {
    records: Records,
    message: Message,
    /// The hash over all complete hellos so far.
    whole: Sha256,
    hellos: u8,
    /// The bytes of the first hello that the second must repeat.
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

    /// Takes the next bytes of the stream. Bytes after the tap has ended are ignored.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !self.ended && !bytes.is_empty() {
            let (piece, used) = self.records.next(bytes);
            bytes = &bytes[used..];
            match piece {
                Piece::Nothing => {}
                Piece::Handshake(fragment) => self.push_handshake(fragment),
                // This record may come between two hellos (RFC 8446 appendix D.4), but not before or within one.
                Piece::ChangeCipherSpec => {
                    self.ended = self.hellos == 0 || self.message.is_begun();
                }
                Piece::End => self.ended = true,
            }
        }
    }

    /// Returns how many complete ClientHello messages were seen: 0, 1 or 2.
    pub fn hellos(&self) -> usize {
        usize::from(self.hellos)
    }

    /// Returns the SHA-256 over all complete ClientHello messages in their order, each with its handshake header and
    /// without record headers. `None` before the first is complete.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        (self.hellos > 0).then(|| self.whole.clone().finalize().into())
    }

    /// Returns the contents of the first hello. `None` before it is complete, or if it is too malformed to read.
    pub fn summary(&self) -> Option<&ClientHelloSummary> {
        self.summary.as_ref()
    }

    /// Returns whether no further byte can change anything.
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
    /// The hash over the earlier hellos and the part of this message that has come.
    hash: Sha256,
    /// The first bytes of the message, at most `keep` of them.
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

    /// Takes bytes of the header or, once that is complete, of the body. Returns how many it took: at least one.
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

    /// Returns the length of the message with its header, once that is known.
    fn length(&self) -> Option<usize> {
        let [_, high, middle, low] = *self.kept.first_chunk::<HEADER>()?;
        Some(HEADER + u32::from_be_bytes([0, high, middle, low]) as usize)
    }

    /// Returns legacy version and random. Call it only on a complete hello.
    fn identity(&self) -> [u8; IDENTITY] {
        let mut identity = [0; IDENTITY];
        let kept = self.kept.get(HEADER..HEADER + IDENTITY);
        identity.copy_from_slice(kept.expect("a hello with less has no progress to Whole"));
        identity
    }
}

/// The maximum length of a ClientHello in bytes, its header included: what TLS libraries accept. Post-quantum key
/// shares take about 2 KiB of it.
pub const MAX_HELLO: usize = 64 * 1024;

/// The number of bytes of the first hello that the summary is made from: more than any hello in use has. The rest of a
/// longer one is hashed, and the summary says that it was cut.
pub const MAX_KEPT: usize = 4 * 1024;

/// The maximum number of hellos: a second HelloRetryRequest is a protocol violation (RFC 8446 section 4.1.4).
const MAX_HELLOS: u8 = 2;

/// The length of message type and length field.
const HEADER: usize = 4;
/// The length of legacy version and random, both of which a client must repeat (RFC 8446 section 4.1.2).
const IDENTITY: usize = 2 + 32;
const CLIENT_HELLO: u8 = 1;

#[cfg(test)]
mod tests;
