//! The HTTP/1.1 envelope: every request is complete in itself, so a connection may carry requests of
//! several sessions, and a session may spread over several connections.

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
    /// `None` between requests.
    request: Option<Request>,
}

#[derive(Debug)]
struct Request {
    head: KeptBytes,
    /// Bytes of the body still to come.
    left: u64,
    round: Round,
}

/// Whether what is left of the input must wait for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// Part of a head is left in the input.
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

    /// Whether payload of a stage is still to come.
    pub(super) fn awaits_payload(&self) -> bool {
        self.request
            .as_ref()
            .is_some_and(|request| request.round.awaits_payload())
    }

    /// The rest of a stage has not come in time: says what has. False if nothing was due.
    pub(super) fn give_up(&mut self, env: &mut Env<'_>, link: &mut Link) -> bool {
        match self.request.take() {
            Some(request) if request.round.awaits_payload() => {
                request.round.respond(env, link, &request.head).is_ok()
            }
            Some(_) | None => false,
        }
    }
}

/// Reads a head from the front of `input`; `None` if it is not whole yet.
fn begin(link: &mut Link, input: &mut &[u8]) -> Result<Option<Request>, Stop> {
    let (head, consumed) = match RequestHead::decode(input) {
        Ok(Decoded::Incomplete { .. }) => return Ok(None),
        Ok(Decoded::Complete { value, consumed }) => (value, consumed),
        Err(error) => return Err(refuse_head(link, input, error)),
    };
    // Nobody has to wait for an answer before asking again, but somebody has to read them.
    if link.outbox.is_full() {
        return Err(link.stop(End::OverLimit));
    }
    // What earlier requests on this connection proved says nothing about this one.
    link.outbox.shut(consumed);
    // Devices add and change headers; the dialogue in the body is never the same twice.
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

/// A whole head that is no good, such as one that a proxy has put a transfer encoding into, is denied
/// like any other. Of a malformed one nothing is said: where the parser stops in it depends on how it
/// was cut.
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

/// The one thing that a stranger is told, and only if it is no longer than what was asked. Whatever is
/// wrong with a request, this is the answer.
fn deny(link: &mut Link, end: End) -> Stop {
    let mut out = Vec::new();
    let built = response_head(&mut out, 404, &[], None);
    if built.is_ok() && link.outbox.push_plain(out).is_ok() {
        Stop::Close(end)
    } else {
        Stop::Silence(end)
    }
}

/// Magic, greeting, exchange and payload of the largest kind.
const MAX_BODY: u64 = (MAGIC.len() + 2 * OVERHEAD + MAX_GREETING_BODY + MAX_FRAME_BODY) as u64
    + MAX_STAGE_BYTES as u64;
