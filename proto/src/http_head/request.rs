//! Parses a request head as received.

use super::{
    HOST, Header, HttpHeadError, MAX_HEADERS, TRANSFER_ENCODING, Version, content_length,
    decode_within_limit, to_headers, values,
};
use crate::decoded::Decoded;

/// A request head that is safe to use: the length of its body is unambiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead<'a> {
    raw: &'a [u8],
    method: &'a str,
    target: &'a str,
    version: Version,
    headers: Vec<Header<'a>>,
    host: Option<&'a str>,
    content_length: Option<u64>,
}

impl<'a> RequestHead<'a> {
    /// Reads one head from the front of `bytes`; a body may follow it.
    ///
    /// This is stricter than the RFC. It refuses what our own peers never send and devices have no reason to add: bare
    /// line feeds, a transfer encoding, several hosts or lengths.
    ///
    /// # Errors
    /// The bytes cannot become an acceptable head.
    pub fn decode(bytes: &'a [u8]) -> Result<Decoded<Self>, HttpHeadError> {
        decode_within_limit(bytes, |window| {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Request::new(&mut headers);
            let httparse::Status::Complete(consumed) = parsed.parse(window)? else {
                return Ok(None);
            };
            Self::from_parsed(&window[..consumed], &parsed).map(|head| Some((head, consumed)))
        })
    }

    /// Returns every byte of the head, from the first line to the empty one.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    pub fn method(&self) -> &'a str {
        self.method
    }

    /// Returns the request target as sent: a path, or a whole URI.
    pub fn target(&self) -> &'a str {
        self.target
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// Iterates over all headers in the order and case in which they came.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> {
        self.headers.iter().copied()
    }

    pub fn host(&self) -> Option<&'a str> {
        self.host
    }

    /// Returns the number of bytes in the body. `None` if it is not stated: the request then has no body (RFC 9112
    /// section 6.3).
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    fn from_parsed(
        raw: &'a [u8],
        parsed: &httparse::Request<'_, 'a>,
    ) -> Result<Self, HttpHeadError> {
        let (Some(method), Some(target), Some(minor)) =
            (parsed.method, parsed.path, parsed.version)
        else {
            return Err(HttpHeadError::FirstLine);
        };
        if has_bare_line_feed(raw) {
            return Err(HttpHeadError::BareLineFeed);
        }
        let headers = to_headers(parsed.headers);
        if values(&headers, TRANSFER_ENCODING).next().is_some() {
            return Err(HttpHeadError::TransferEncoding);
        }
        Ok(Self {
            raw,
            method,
            target,
            version: Version::from_minor(minor),
            host: host(&headers)?,
            content_length: content_length(&headers)?,
            headers,
        })
    }
}

fn has_bare_line_feed(raw: &[u8]) -> bool {
    let mut previous = 0;
    raw.iter().any(|&byte| {
        let bare = byte == b'\n' && previous != b'\r';
        previous = byte;
        bare
    })
}

fn host<'a>(headers: &[Header<'a>]) -> Result<Option<&'a str>, HttpHeadError> {
    let mut hosts = values(headers, HOST);
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err(HttpHeadError::Host);
    }
    first
        .map(|value| match str::from_utf8(value) {
            Ok(host) if host.is_ascii() => Ok(host),
            Ok(_) | Err(_) => Err(HttpHeadError::Host),
        })
        .transpose()
}
