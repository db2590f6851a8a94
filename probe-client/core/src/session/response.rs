//! A decoder of HTTP responses: heads, and bodies in any framing that a relay gives them.

use proto::decoded::Decoded;
use proto::http_head::{Body, MAX_HEAD, ResponseHead, Version};

use super::chunked::{self, Chunked};
use super::fault::{Malformation, Stop};
use super::http_account::HttpAccount;
use super::input::Input;

/// The decoder's position in a connection's responses.
#[derive(Debug)]
pub(super) struct Responses {
    state: State,
    /// The head of the current response as received, kept until its body has proved to be the server's.
    head: Vec<u8>,
    head_at: u64,
    /// Whether the connection carries a further request after this response.
    persistent: bool,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// The next piece of the downstream.
#[derive(Debug)]
pub(super) enum Piece<'a> {
    Body(Input<'a>),
    /// The end of the response.
    End,
    /// The input is used up.
    Short,
}

impl Responses {
    pub(super) fn new() -> Self {
        Self {
            state: State::Head,
            head: Vec::new(),
            head_at: 0,
            persistent: true,
        }
    }

    /// Returns whether the current response's body ends only with the connection.
    pub(super) fn ends_with_connection(&self) -> bool {
        matches!(self.state, State::UntilClose)
    }

    pub(super) fn is_persistent(&self) -> bool {
        self.persistent
    }

    /// Drops the head: the response's body is the server's, so the head need not be quoted.
    pub(super) fn forget_head(&mut self) {
        self.head = Vec::new();
    }

    /// Puts the response's head before foreign bytes from its body.
    pub(super) fn with_head(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Foreign { bytes, .. } if !self.head.is_empty() => Stop::Foreign {
                at: self.head_at,
                bytes: [self.head.as_slice(), &bytes].concat(),
            },
            Stop::Foreign { .. } | Stop::Fault(_) => stop,
        }
    }

    /// Returns the next piece of the downstream.
    ///
    /// # Errors
    /// Returns an error if a response is not the server's, or if the bytes are not an HTTP response.
    pub(super) fn next<'a>(
        &mut self,
        input: &mut Input<'a>,
        account: &mut HttpAccount,
    ) -> Result<Piece<'a>, Stop> {
        loop {
            match &mut self.state {
                State::Head if input.is_empty() => return Ok(Piece::Short),
                State::Head => self.read_head(input, account)?,
                State::Length(0) => return Ok(self.end()),
                _ if input.is_empty() => return Ok(Piece::Short),
                State::Length(left) => {
                    let whole = usize::try_from(*left).unwrap_or(usize::MAX);
                    let piece = input.take(whole);
                    *left -= piece.rest().len() as u64;
                    return Ok(Piece::Body(piece));
                }
                State::Chunked(chunked) => {
                    let at = input.at();
                    return match chunked.next(input) {
                        chunked::Piece::Data(piece) => Ok(Piece::Body(piece)),
                        chunked::Piece::Short => Ok(Piece::Short),
                        chunked::Piece::End => Ok(self.end()),
                        chunked::Piece::Invalid => Err(Stop::malformed(
                            Malformation::Chunk,
                            (at..input.at()).into(),
                        )),
                    };
                }
                State::UntilClose => return Ok(Piece::Body(input.take(usize::MAX))),
            }
        }
    }

    /// Ends the current response, whether or not its end has been received.
    pub(super) fn end<'a>(&mut self) -> Piece<'a> {
        self.state = State::Head;
        self.forget_head();
        Piece::End
    }

    fn read_head(&mut self, input: &mut Input<'_>, account: &mut HttpAccount) -> Result<(), Stop> {
        if self.head.is_empty() {
            self.head_at = input.at();
        }
        let before = self.head.len();
        let seen = input.rest().len().min(MAX_HEAD - before);
        self.head.extend_from_slice(&input.rest()[..seen]);
        let head = match ResponseHead::decode(&self.head) {
            Ok(Decoded::Incomplete { .. }) => {
                input.take(seen);
                return Ok(());
            }
            Ok(Decoded::Complete { value, .. }) => value,
            Err(_) => return Err(self.foreign_head(before, input)),
        };
        let length = head.raw().len();
        let body = head.body(METHOD);
        let interim = (100..200).contains(&head.status()) && head.status() != SWITCHING;
        let state = match body {
            _ if interim && account.interim_responses < MAX_INTERIM => None,
            Ok(Body::Length(length)) if head.status() == 200 => Some(State::Length(length)),
            Ok(Body::Chunked) if head.status() == 200 => Some(State::Chunked(Chunked::default())),
            Ok(Body::UntilClose) if head.status() == 200 => Some(State::UntilClose),
            Ok(_) | Err(_) => return Err(self.foreign_head(before, input)),
        };
        match state {
            None => account.interim_responses += 1,
            Some(_) => {
                self.persistent = is_persistent(&head) && body != Ok(Body::UntilClose);
                account.response(
                    &head,
                    match body {
                        Ok(Body::Length(length)) => Some(length),
                        Ok(Body::None | Body::Chunked | Body::UntilClose) | Err(_) => None,
                    },
                );
            }
        }
        input.take(length - before);
        self.head.truncate(length);
        match state {
            None => self.forget_head(),
            Some(state) => self.state = state,
        }
        Ok(())
    }

    /// Returns the head as foreign bytes; `before` of its bytes were received before this input.
    fn foreign_head(&self, before: usize, input: &Input<'_>) -> Stop {
        input.foreign(&self.head[..before], self.head_at)
    }
}

fn is_persistent(head: &ResponseHead<'_>) -> bool {
    let closes = head
        .values("Connection")
        .flat_map(|value| value.split(|&byte| byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
    head.version() == Version::Http11 && !closes
}

/// The method of all of a session's requests.
pub(super) const METHOD: &str = "POST";

/// The maximum number of interim responses that a session ignores; a relay sends at most one per request.
const MAX_INTERIM: u32 = 16;

/// The status of a protocol switch, which is not an interim response: what follows it is not HTTP.
const SWITCHING: u16 = 101;
