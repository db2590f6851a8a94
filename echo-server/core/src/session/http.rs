//! The HTTP/1.1 envelope. Every request is complete in itself, so a connection may carry requests of several sessions,
//! and a session may use several connections.

mod response;
mod round;

use proto::decoded::Decoded;
use proto::first_bytes::MAGIC;
use proto::frame::OVERHEAD;
use proto::http_head::{HttpHeadError, RequestHead, response_head};
use proto::limits::{MAX_FRAME_BODY, MAX_GREETING_BODY, MAX_STAGE_BYTES};

use self::round::Round;
use super::arrivals::DIALOGUE_UNIQUE;
use super::link::{KeptBytes, Link, Stop};
use super::{End, Env};

#[derive(Debug)]
pub(super) struct Http {
    /// The request in progress; `None` between requests.
    request: Option<Request>,
}

#[derive(Debug)]
struct Request {
    head: KeptBytes,
    /// The number of bytes of the body that are still to come.
    left: u64,
    round: Round,
}

/// Whether the rest of the input has to wait for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// Part of a head is left in the input, and has to wait for the rest.
    Hold,
}

impl Http {
    pub(super) fn new() -> Self {
        Self { request: None }
    }

    pub(super) fn receive(
        &mut self,
        env: &mut Env<'_>,
        link: &mut Link,
        input: &mut &[u8],
    ) -> Result<Progress, Stop> {
        loop {
            let Some(request) = &mut self.request else {
                if input.is_empty() {
                    return Ok(Progress::More);
                }
                match begin(link, input)? {
                    Some(request) => self.request = Some(request),
                    None => return Ok(Progress::Hold),
                }
                continue;
            };
            let n = usize::try_from(request.left).map_or(input.len(), |left| left.min(input.len()));
            let (mut body, rest) = input.split_at(n);
            *input = rest;
            request.left -= n as u64;
            request.round.receive(env, link, &mut body)?;
            if request.left > 0 {
                return Ok(Progress::More);
            }
            if let Some(request) = self.request.take() {
                request.round.finish(env, link, &request.head)?;
            }
        }
    }

    /// Returns whether payload of a stage is still to come.
    pub(super) fn awaits_payload(&self) -> bool {
        self.request
            .as_ref()
            .is_some_and(|request| request.round.awaits_payload())
    }

    /// Confirms the part of a stage that has arrived, because the rest of the stage is overdue. Returns false if
    /// nothing was due.
    pub(super) fn give_up(&mut self, env: &mut Env<'_>, link: &mut Link) -> bool {
        match self.request.take() {
            Some(request) if request.round.awaits_payload() => {
                request.round.respond(env, link, &request.head).is_ok()
            }
            Some(_) | None => false,
        }
    }
}

/// Reads a head from the front of `input`. Returns `None` if it is not complete yet.
fn begin(link: &mut Link, input: &mut &[u8]) -> Result<Option<Request>, Stop> {
    let (head, consumed) = match RequestHead::decode(input) {
        Ok(Decoded::Incomplete { .. }) => return Ok(None),
        Ok(Decoded::Complete { value, consumed }) => (value, consumed),
        Err(error) => return Err(refuse_head(link, input, error)),
    };
    // A client may send requests without waiting for responses, but it has to read them at some point.
    if link.outbox.is_full() {
        return Err(link.stop(End::OverLimit));
    }
    // What earlier requests on this connection proved says nothing about this request.
    link.outbox.shut(consumed);
    // Devices on the path add and change headers, so the head does not distinguish connections. The dialogue in the
    // body does: it is never the same twice.
    link.arrivals.unique_from(consumed + DIALOGUE_UNIQUE);
    let left = head.content_length().unwrap_or(0);
    if head.method() != "POST" || !(1..=MAX_BODY).contains(&left) {
        return Err(deny(link, End::NotAuthenticated));
    }
    let head = KeptBytes::of(head.raw());
    *input = &input[consumed..];
    Ok(Some(Request {
        head,
        left,
        round: Round::new(),
    }))
}

/// Denies a complete head that is invalid, for example because a proxy added a transfer encoding. It gets the same
/// answer as every other denied request. A malformed head gets no answer, because the place where the parser stops
/// depends on the pieces in which the head arrived.
fn refuse_head(link: &mut Link, input: &[u8], error: HttpHeadError) -> Stop {
    let end = input.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    match (error, end) {
        (
            HttpHeadError::Host | HttpHeadError::ContentLength | HttpHeadError::TransferEncoding,
            Some(at),
        ) => {
            link.outbox.shut(at + 4);
            deny(link, End::NotAuthenticated)
        }
        (
            HttpHeadError::TooLong
            | HttpHeadError::TooManyHeaders
            | HttpHeadError::FirstLine
            | HttpHeadError::Version
            | HttpHeadError::Status
            | HttpHeadError::LineEnd
            | HttpHeadError::BareLineFeed
            | HttpHeadError::HeaderName
            | HttpHeadError::HeaderValue
            | HttpHeadError::Host
            | HttpHeadError::ContentLength
            | HttpHeadError::TransferEncoding,
            _,
        ) => link.stop(End::NotRecognised),
    }
}

/// Queues the one answer that strangers get, whether or not their request is valid HTTP, and only if it is no longer
/// than the request.
fn deny(link: &mut Link, end: End) -> Stop {
    let mut out = Vec::new();
    let built = response_head(&mut out, 404, &[], None);
    if built.is_ok() && link.outbox.push_plain(out).is_ok() {
        Stop::Close(end)
    } else {
        Stop::Silence(end)
    }
}

/// The size of the largest body in bytes: magic, greeting, exchange and payload.
const MAX_BODY: u64 = (MAGIC.len() + 2 * OVERHEAD + MAX_GREETING_BODY + MAX_FRAME_BODY) as u64
    + MAX_STAGE_BYTES as u64;
