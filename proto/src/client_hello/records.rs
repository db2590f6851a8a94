//! Splits plaintext records of TLS (RFC 8446 section 5.1) into pieces as they arrive.

/// The kind of the next bytes of a stream.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    /// Part of a record header.
    Nothing,
    /// A part of a handshake record's fragment.
    Handshake(&'a [u8]),
    /// A whole change_cipher_spec record.
    ChangeCipherSpec,
    /// Anything else; the bytes that follow are not read.
    End,
}

/// The position of the stream within a record.
#[derive(Debug)]
pub(super) struct Records {
    header: [u8; HEADER],
    header_len: usize,
    /// The number of bytes of the current fragment that are still to come.
    left: usize,
}

impl Records {
    pub(super) fn new() -> Self {
        Self {
            header: [0; HEADER],
            header_len: 0,
            left: 0,
        }
    }

    /// Reads one piece from the front of `bytes`. Returns it with the number of bytes that it took: at least one,
    /// except for [`Piece::End`].
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8]) -> (Piece<'a>, usize) {
        if self.left == 0 {
            self.read_header(bytes)
        } else {
            self.read_fragment(bytes)
        }
    }

    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> (Piece<'a>, usize) {
        let used = bytes.len().min(HEADER - self.header_len);
        self.header[self.header_len..][..used].copy_from_slice(&bytes[..used]);
        self.header_len += used;
        if self.header_len < HEADER {
            return (Piece::Nothing, used);
        }
        self.header_len = 0;
        let [kind, major, _, high, low] = self.header;
        let length = u16::from_be_bytes([high, low]);
        let acceptable = match kind {
            HANDSHAKE => 1..=MAX_FRAGMENT,
            CHANGE_CIPHER_SPEC => 1..=1,
            _ => return (Piece::End, 0),
        };
        if major != MAJOR_VERSION || !acceptable.contains(&length) {
            return (Piece::End, 0);
        }
        self.left = usize::from(length);
        (Piece::Nothing, used)
    }

    fn read_fragment<'a>(&mut self, bytes: &'a [u8]) -> (Piece<'a>, usize) {
        let fragment = &bytes[..bytes.len().min(self.left)];
        self.left -= fragment.len();
        let piece = if self.header[0] == HANDSHAKE {
            Piece::Handshake(fragment)
        } else {
            Piece::ChangeCipherSpec
        };
        (piece, fragment.len())
    }
}

const HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const MAJOR_VERSION: u8 = 3;
/// The maximum length of a fragment (RFC 8446 section 5.1). A handshake fragment may not be empty either.
const MAX_FRAGMENT: u16 = 1 << 14;
