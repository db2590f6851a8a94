//! Parses a response head as received, from our own server or from another peer that answers in its place.

use super::{
    Body, Header, HttpHeadError, MAX_HEADERS, Version, body, decode_within_limit, to_headers,
    values,
};
use crate::decoded::Decoded;

/// A response head, parsed tolerantly: it may come from a stranger, and is then used only as a quotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    raw: &'a [u8],
    version: Version,
    status: u16,
    reason: &'a str,
    headers: Vec<Header<'a>>,
}

impl<'a> ResponseHead<'a> {
    /// Reads one head from the front of `bytes`; a body may follow it.
    ///
    /// It accepts what browsers accept: bare line feeds, folded lines, misplaced white space. Header lines that cannot
    /// be parsed are left out of [`headers`](Self::headers), but not of [`raw`](Self::raw).
    ///
    /// # Errors
    /// The bytes cannot become a response head: the peer does not speak HTTP/1.
    pub fn decode(bytes: &'a [u8]) -> Result<Decoded<Self>, HttpHeadError> {
        decode_within_limit(bytes, |window| {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Response::new(&mut headers);
            let status = tolerant().parse_response(&mut parsed, window)?;
            let httparse::Status::Complete(consumed) = status else {
                return Ok(None);
            };
            Self::from_parsed(&window[..consumed], &parsed).map(|head| Some((head, consumed)))
        })
    }

    /// Returns every byte of the head, from the first line to the empty one.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the status code, 0 to 999. A stranger's code may be outside all classes.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason after the status code; empty if there is none, or if it contains bytes that are not ASCII.
    pub fn reason(&self) -> &'a str {
        self.reason
    }

    /// Iterates over all headers in the order and case in which they came.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> {
        self.headers.iter().copied()
    }

    /// Iterates over the values of the headers with this name, in any case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        values(&self.headers, name)
    }

    /// Returns how the body is delimited if this is the response to a request with `method`.
    ///
    /// # Errors
    /// [`HttpHeadError::ContentLength`] if the head contradicts itself.
    pub fn body(&self, method: &str) -> Result<Body, HttpHeadError> {
        body::framing(method, self.version, self.status, &self.headers)
    }

    fn from_parsed(
        raw: &'a [u8],
        parsed: &httparse::Response<'_, 'a>,
    ) -> Result<Self, HttpHeadError> {
        let (Some(minor), Some(status)) = (parsed.version, parsed.code) else {
            return Err(HttpHeadError::FirstLine);
        };
        Ok(Self {
            raw,
            version: Version::from_minor(minor),
            status,
            reason: parsed.reason.unwrap_or_default(),
            headers: to_headers(parsed.headers),
        })
    }
}

fn tolerant() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_space_before_first_header_name(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true);
    config
}
