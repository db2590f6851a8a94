//! Recognises the session kind by a connection's first bytes. Every kind is served on every port, so a
//! server can decide by these bytes alone.

/// The first bytes of a plain TCP stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstBytes {
    /// There are too few bytes to decide; [`MAX_BYTES_NEEDED`] are always enough.
    Incomplete,
    /// A TLS record with a handshake message (RFC 8446 section 5.1). The minor version is ignored, as the RFC requires.
    Tls,
    /// TPKT version 3 (RFC 1006 section 6), which carries X.224 and RDP.
    Tpkt,
    /// The version record 1.0 of .NET Message Framing (MC-NMF section 2.2.3.1).
    NetTcp,
    /// A request line: a method of upper-case letters, then a space. The preface of HTTP/2 also looks like this.
    Http,
    /// [`MAGIC`]: the dialogue itself, without an envelope.
    Dialogue,
    /// No session kind begins with these bytes, so the bytes after them do not matter.
    Unknown,
}

/// The first bytes of the plaintext inside a TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirstBytesInsideTls {
    /// There are too few bytes to decide; [`MAX_BYTES_NEEDED`] are always enough.
    Incomplete,
    /// A request line, as in [`FirstBytes::Http`].
    Http,
    /// The record that ends an MC-NMF preamble after the upgrade to TLS.
    NetTcpPreambleEnd,
    /// [`MAGIC`].
    Dialogue,
    /// No session kind continues with these bytes, so the bytes after them do not matter.
    Unknown,
}

/// Classifies the first bytes of a plain TCP stream.
///
/// An answer other than `Incomplete` stays the same however many bytes follow.
pub fn classify(bytes: &[u8]) -> FirstBytes {
    first_match(bytes, &PLAIN).unwrap_or_else(|| match method(bytes) {
        Fit::Whole => FirstBytes::Http,
        Fit::SoFar => FirstBytes::Incomplete,
        Fit::None => FirstBytes::Unknown,
    })
}

/// Classifies the first bytes of the plaintext inside a TLS session.
///
/// An answer other than `Incomplete` stays the same however many bytes follow.
pub fn classify_inside_tls(bytes: &[u8]) -> FirstBytesInsideTls {
    first_match(bytes, &INSIDE_TLS).unwrap_or_else(|| match method(bytes) {
        Fit::Whole => FirstBytesInsideTls::Http,
        Fit::SoFar => FirstBytesInsideTls::Incomplete,
        Fit::None => FirstBytesInsideTls::Unknown,
    })
}

/// How far bytes match a pattern: completely, as far as they go, or not at all.
#[derive(Clone, Copy)]
enum Fit {
    Whole,
    SoFar,
    None,
}

/// Returns the kind whose pattern the bytes begin with. No two patterns have the same first byte, so a pattern that
/// fits so far excludes all others. `None` if the bytes do not fit any pattern even in part.
fn first_match<K: Copy>(bytes: &[u8], table: &Table<'_, K>) -> Option<K> {
    table
        .patterns
        .iter()
        .find_map(|&(pattern, kind)| match fit(bytes, pattern) {
            Fit::Whole => Some(kind),
            Fit::SoFar => Some(table.incomplete),
            Fit::None => None,
        })
}

fn fit(bytes: &[u8], pattern: &[u8]) -> Fit {
    if bytes.starts_with(pattern) {
        Fit::Whole
    } else if pattern.starts_with(bytes) {
        Fit::SoFar
    } else {
        Fit::None
    }
}

fn method(bytes: &[u8]) -> Fit {
    let letters = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    match bytes.get(letters) {
        _ if letters > MAX_METHOD => Fit::None,
        None => Fit::SoFar,
        Some(b' ') if letters > 0 => Fit::Whole,
        Some(_) => Fit::None,
    }
}

struct Table<'a, K> {
    patterns: &'a [(&'a [u8], K)],
    incomplete: K,
}

/// The first bytes of the dialogue: a byte that begins no text, no TLS record and none of the other kinds, then the
/// name and the version of the framing.
pub const MAGIC: [u8; 8] = [0xF7, b'f', b'w', b'p', b'r', b'o', b'b', 0x01];

/// The maximum length of a method in letters. UPDATEREDIRECTREF (RFC 4437) is the longest in the IANA registry that has
/// only letters.
pub const MAX_METHOD: usize = 17;

/// The number of bytes after which no answer is `Incomplete`: the longest method and its space.
pub const MAX_BYTES_NEEDED: usize = MAX_METHOD + 1;

const PLAIN: Table<'_, FirstBytes> = Table {
    patterns: &[
        (&[0x16, 0x03], FirstBytes::Tls),
        (&[0x03, 0x00], FirstBytes::Tpkt),
        (&[0x00, 0x01, 0x00], FirstBytes::NetTcp),
        (&MAGIC, FirstBytes::Dialogue),
    ],
    incomplete: FirstBytes::Incomplete,
};

const INSIDE_TLS: Table<'_, FirstBytesInsideTls> = Table {
    patterns: &[
        (&MAGIC, FirstBytesInsideTls::Dialogue),
        (&[0x0C], FirstBytesInsideTls::NetTcpPreambleEnd),
    ],
    incomplete: FirstBytesInsideTls::Incomplete,
};

#[cfg(test)]
mod tests;
