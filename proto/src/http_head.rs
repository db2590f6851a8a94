//! Encodes and decodes heads of HTTP/1.1 requests and responses (RFC 9112), from our own peers and from strangers,
//! proxies and portals. The raw bytes are kept, for testimony and quotation.

mod body;
mod build;
mod request;
mod response;

use thiserror::Error;

use crate::decoded::Decoded;

pub use self::body::Body;
pub use self::build::{
    HttpBuildError, MAX_CONNECT_HEAD, connect_head, request_head, response_head,
};
pub use self::request::RequestHead;
pub use self::response::ResponseHead;

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name, in the case in which it was received.
    pub name: &'a str,
    /// The value without surrounding white space. It may contain any bytes except control characters.
    pub value: &'a [u8],
}

/// The version in the first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    Http10,
    Http11,
}

/// The reason why bytes are not a head, or not a head that is safe to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HttpHeadError {
    #[error("no end of the head within {MAX_HEAD} bytes")]
    TooLong,
    #[error("more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    #[error("the first line does not begin or go on as one of HTTP")]
    FirstLine,
    #[error("not version 1.0 or 1.1 of HTTP")]
    Version,
    #[error("no status code of three digits, or control characters after it")]
    Status,
    #[error("a malformed line end")]
    LineEnd,
    #[error("a line feed without carriage return")]
    BareLineFeed,
    #[error("a malformed header name")]
    HeaderName,
    #[error("control characters in the value of a header")]
    HeaderValue,
    #[error("Host is repeated, or not ASCII")]
    Host,
    #[error("Content-Length is not one number, or two different ones")]
    ContentLength,
    #[error("a request with Transfer-Encoding")]
    TransferEncoding,
}

impl From<httparse::Error> for HttpHeadError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::HeaderName => Self::HeaderName,
            httparse::Error::HeaderValue => Self::HeaderValue,
            httparse::Error::NewLine => Self::LineEnd,
            httparse::Error::Status => Self::Status,
            httparse::Error::Token => Self::FirstLine,
            httparse::Error::TooManyHeaders => Self::TooManyHeaders,
            httparse::Error::Version => Self::Version,
        }
    }
}

impl Version {
    fn from_minor(minor: u8) -> Self {
        if minor == 0 {
            Self::Http10
        } else {
            Self::Http11
        }
    }
}

/// Limits the bytes in which a head must end. Turns the parser's "partial" into the number of missing bytes or, at the
/// limit, into an error.
fn decode_within_limit<'a, T>(
    bytes: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> Result<Option<(T, usize)>, HttpHeadError>,
) -> Result<Decoded<T>, HttpHeadError> {
    let window = bytes.get(..MAX_HEAD).unwrap_or(bytes);
    match parse(window)? {
        Some((value, consumed)) => Ok(Decoded::Complete { value, consumed }),
        None if window.len() == MAX_HEAD => Err(HttpHeadError::TooLong),
        None => Ok(Decoded::Incomplete { at_least: 1 }),
    }
}

fn to_headers<'a>(parsed: &[httparse::Header<'a>]) -> Vec<Header<'a>> {
    parsed
        .iter()
        .map(|&httparse::Header { name, value }| Header { name, value })
        .collect()
}

fn values<'a>(headers: &[Header<'a>], name: &str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value)
}

/// Returns the one value of all Content-Length headers; equal ones count once (RFC 9110 section 8.6).
fn content_length(headers: &[Header<'_>]) -> Result<Option<u64>, HttpHeadError> {
    let mut length = None;
    for value in values(headers, CONTENT_LENGTH) {
        let number = decimal(value).ok_or(HttpHeadError::ContentLength)?;
        if length.is_some_and(|earlier| earlier != number) {
            return Err(HttpHeadError::ContentLength);
        }
        length = Some(number);
    }
    Ok(length)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    // `parse` alone would accept a sign.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The maximum length of a head in bytes, its empty line included: what common servers and proxies accept, and several
/// times what our own peers send.
pub const MAX_HEAD: usize = 8 * 1024;

/// The maximum number of headers in a head; a portal's answer with its cookies has some thirty.
pub const MAX_HEADERS: usize = 100;

const CONTENT_LENGTH: &str = "Content-Length";
const HOST: &str = "Host";
const TRANSFER_ENCODING: &str = "Transfer-Encoding";

#[cfg(test)]
mod tests;
