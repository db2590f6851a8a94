//! Bytes from the network as text of a report: headers and reasons that a proxy or another device sent.

/// Shortens the bytes, and escapes everything that is not printable ASCII.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(MAX_TEXT)]
        .escape_ascii()
        .to_string()
}

/// The maximum number of bytes kept of a text.
const MAX_TEXT: usize = 256;
