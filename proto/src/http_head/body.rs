//! Determines how a response's body is delimited (RFC 9112 section 6.3).

use super::{Header, HttpHeadError, TRANSFER_ENCODING, Version, content_length, values};

/// The place where a response's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// The response has no body, even if its headers say otherwise.
    None,
    /// The body ends after this number of bytes.
    Length(u64),
    /// The body ends with the last chunk.
    Chunked,
    /// The body ends with the connection.
    UntilClose,
}

pub(super) fn framing(
    method: &str,
    version: Version,
    status: u16,
    headers: &[Header<'_>],
) -> Result<Body, HttpHeadError> {
    let tunnel = method == "CONNECT" && (200..300).contains(&status);
    if tunnel || method == "HEAD" || matches!(status, 100..=199 | 204 | 304) {
        return Ok(Body::None);
    }
    if let Some(value) = values(headers, TRANSFER_ENCODING).last() {
        // HTTP/1.0 has no transfer encodings, so the framing cannot be trusted (RFC 9112 section 6.1).
        return Ok(if version == Version::Http11 && ends_chunked(value) {
            Body::Chunked
        } else {
            Body::UntilClose
        });
    }
    Ok(content_length(headers)?.map_or(Body::UntilClose, Body::Length))
}

fn ends_chunked(codings: &[u8]) -> bool {
    codings
        .rsplit(|&byte| byte == b',')
        .next()
        .is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}
