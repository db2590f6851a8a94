//! The dialogue in HTTP requests, one at a time. Each request is a conversation of its own and carries a greeting. The
//! first carries nothing else, each later one carries one stage, and the last carries the receipt.

use proto::frame::{FrameType, seal};
use proto::http_head::{HttpBuildError, request_head};
use proto::key::Nonce;
use sha2::{Digest as _, Sha256};

use super::conversation::{Conversation, EarlierRound};
use super::fault::{ByteRange, Fault, Malformation, Stop};
use super::input::Input;
use super::outbox::{Cut, Outbox};
use super::parameters::SessionParameters;
use super::phase::Phase;
use super::reader::{Context, Event, NextItem, Reader};
use super::response::{METHOD, Piece, Responses};

/// A session in HTTP requests.
#[derive(Debug)]
pub(super) struct Rounds {
    plan: NextRequest,
    state: State,
    conversation: Option<Conversation>,
    reader: Reader,
    responses: Responses,
    outbox: Outbox,
    /// The latest nonce from the server, which the next greeting names.
    server_nonce: Option<Nonce>,
    /// The hash over the digests of all finished rounds.
    chain: Sha256,
    /// The bytes received in answer to the current request.
    heard: Heard,
    held: bool,
    /// Whether the nonce from before the hold has turned out to be unknown to the server.
    expired: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heard {
    Nothing,
    Testimony,
    /// The testimony, and everything else that was requested.
    All,
}

/// The part of the current request, or the next one, that follows its greeting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NextRequest {
    Nothing,
    Stage(usize),
    Receipt,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The next request can be made as soon as the previous one has been sent.
    Due,
    /// A request has been made but not fully answered.
    Asked,
    /// The session is in the hold, silent on purpose.
    Holding,
    /// The connection carries no further request.
    Closed,
    Finished,
}

/// What a complete response means for the round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ResponseMeaning {
    Done,
    /// The server did not know the server nonce in the request, so the request is repeated with a new one.
    NonceUnknown,
}

impl Rounds {
    pub(super) fn new() -> Self {
        Self {
            plan: NextRequest::Nothing,
            state: State::Due,
            conversation: None,
            reader: Reader::new(NextItem::Nothing),
            responses: Responses::new(),
            outbox: Outbox::new(Cut::Nowhere),
            server_nonce: None,
            chain: Sha256::new(),
            heard: Heard::Nothing,
            held: false,
            expired: false,
        }
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    /// Returns whether the session needs another connection to go on.
    pub(super) fn needs_connection(&self) -> bool {
        self.state == State::Closed
    }

    /// Notifies the session that another connection is established, with TLS if its kind has TLS.
    pub(super) fn reconnected(&mut self) {
        self.responses = Responses::new();
        self.outbox = Outbox::new(Cut::Nowhere);
        self.state = State::Due;
    }

    /// Ends the hold.
    pub(super) fn wake(&mut self, cx: &mut Context<'_>) {
        if self.state == State::Holding {
            cx.account.phases.enter(Phase::Resuming, cx.now);
            self.go_on();
        }
    }

    /// Appends up to `limit` bytes to `out`.
    pub(super) fn transmit(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>, limit: usize) {
        let end = out.len().saturating_add(limit);
        loop {
            let payload = self.outbox.drain(out, end - out.len());
            if let NextRequest::Stage(index) = self.plan
                && self.state == State::Asked
            {
                cx.account.stages.handed_out(index, payload);
            }
            if out.len() >= end || self.state != State::Due {
                return;
            }
            self.ask(cx);
        }
    }

    /// Takes received bytes.
    ///
    /// # Errors
    /// Returns an error if the bytes are not the server's, or if they end the session.
    pub(super) fn receive(
        &mut self,
        cx: &mut Context<'_>,
        mut input: Input<'_>,
    ) -> Result<(), Stop> {
        loop {
            if self.state != State::Asked && !input.is_empty() {
                return Err(input.foreign(&[], input.at()));
            }
            let at = input.at();
            let Some(http) = &mut cx.account.http else {
                return Ok(());
            };
            match self.responses.next(&mut input, http)? {
                Piece::Short => return Ok(()),
                Piece::Body(mut piece) => {
                    self.read(cx, &mut piece)
                        .map_err(|stop| self.responses.with_head(stop))?;
                    if self.responses.ends_with_connection()
                        && self.reader.due() == NextItem::Nothing
                    {
                        self.responses.end();
                        self.finish_round(cx, (at..input.at()).into())?;
                    }
                }
                Piece::End => self.finish_round(cx, (at..input.at()).into())?,
            }
        }
    }

    /// Notifies the session that the peer has closed the connection in an orderly way.
    ///
    /// # Errors
    /// Returns an error if this ends the current response too early.
    pub(super) fn closed(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        if !self.responses.ends_with_connection() {
            return Ok(());
        }
        let at = cx.account.bytes_received;
        self.responses.end();
        self.finish_round(cx, (at..at).into())
    }

    fn read(&mut self, cx: &mut Context<'_>, piece: &mut Input<'_>) -> Result<(), Stop> {
        let Some(conversation) = &mut self.conversation else {
            return Err(piece.foreign(&[], piece.at()));
        };
        while let Some(event) = self.reader.read(piece, conversation, cx)? {
            cx.account.alive(cx.now);
            match event {
                Event::Testimony {
                    server_nonce,
                    covers_all,
                } => {
                    self.responses.forget_head();
                    self.server_nonce = Some(server_nonce);
                    self.heard = Heard::Testimony;
                    match self.plan {
                        NextRequest::Nothing => self.heard = Heard::All,
                        NextRequest::Stage(index) if covers_all => {
                            self.reader.expect(NextItem::Confirmation(index));
                        }
                        NextRequest::Receipt if covers_all => {
                            self.reader.expect(NextItem::Farewell)
                        }
                        NextRequest::Stage(_) | NextRequest::Receipt => {}
                    }
                    let phase = match self.plan {
                        NextRequest::Nothing | NextRequest::Stage(_) => Phase::Exchanging,
                        NextRequest::Receipt => Phase::AwaitingFarewell,
                    };
                    cx.account.phases.enter(phase, cx.now);
                }
                Event::StageThrough(_) | Event::Farewell | Event::Alive => {
                    self.heard = Heard::All;
                }
            }
        }
        Ok(())
    }

    fn finish_round(&mut self, cx: &mut Context<'_>, at: ByteRange) -> Result<(), Stop> {
        let outcome = self
            .outcome()
            .ok_or_else(|| Stop::malformed(Malformation::EndsEarly, at))?;
        if let Some(conversation) = self.conversation.take() {
            self.chain.update(conversation.digest());
        }
        self.reader.expect(NextItem::Nothing);
        if outcome == ResponseMeaning::NonceUnknown {
            self.count_retry(cx)?;
        } else {
            self.plan = match self.plan {
                NextRequest::Nothing => next_stage(0, cx),
                NextRequest::Stage(index) => next_stage(index + 1, cx),
                NextRequest::Receipt => {
                    self.state = State::Finished;
                    return Ok(());
                }
            };
        }
        if self.plan == NextRequest::Receipt
            && !self.held
            && let Some(hold) = cx.parameters.hold
        {
            self.held = true;
            self.state = State::Holding;
            cx.account.hold_began(hold, cx.now);
            cx.account.phases.enter(Phase::Holding, cx.now);
            return Ok(());
        }
        self.go_on();
        Ok(())
    }

    /// Returns what the finished response means; `None` if it ended while more was due.
    fn outcome(&self) -> Option<ResponseMeaning> {
        if !self.reader.unfinished().bytes().is_empty() {
            return None;
        }
        match (self.heard, self.reader.due()) {
            (Heard::All, _) => Some(ResponseMeaning::Done),
            (Heard::Nothing, _) | (Heard::Testimony, NextItem::Payload(_)) => None,
            (Heard::Testimony, _) => Some(ResponseMeaning::NonceUnknown),
        }
    }

    fn count_retry(&mut self, cx: &mut Context<'_>) -> Result<(), Stop> {
        // That a nonce expires during a long hold shows nothing about devices.
        if self.held && !std::mem::replace(&mut self.expired, true) {
            return Ok(());
        }
        let Some(http) = &mut cx.account.http else {
            return Ok(());
        };
        http.nonce_unknown += 1;
        if http.nonce_unknown > MAX_RETRIES {
            let requests = http.nonce_unknown;
            return Err(Fault::NonceNeverKnown { requests }.into());
        }
        Ok(())
    }

    fn go_on(&mut self) {
        self.state = if self.responses.is_persistent() {
            State::Due
        } else {
            State::Closed
        };
    }

    /// Queues the next request.
    fn ask(&mut self, cx: &mut Context<'_>) {
        let earlier = self.server_nonce.map(|server_nonce| EarlierRound {
            server_nonce,
            chain: self.chain.clone().finalize().into(),
        });
        let mut body = Vec::new();
        let mut conversation =
            Conversation::greet(cx.parameters, cx.tls, cx.now, earlier, &mut body);
        let mut payload = None;
        if let Some((keys, transcript)) = conversation.sealing() {
            let stages = &mut cx.account.stages;
            match self.plan {
                NextRequest::Nothing => {}
                NextRequest::Stage(index) => {
                    let exchange = stages.begin(index);
                    seal(&mut body, FrameType::Exchange, &exchange, keys, transcript);
                    payload = Some(stages.source(index, keys));
                }
                NextRequest::Receipt => {
                    let receipt = stages.receipt();
                    seal(&mut body, FrameType::Receipt, &receipt, keys, transcript);
                }
            }
        }
        let payload_bytes = payload.as_ref().map_or(0, |source| source.remaining());
        let mut head = Vec::new();
        write_head(
            cx.parameters,
            body.len() as u64 + u64::from(payload_bytes),
            &mut head,
        )
        .expect("the parts of the head were checked when the session was made");
        self.outbox.push_bare(&head);
        self.outbox.push(&body);
        if let Some(source) = payload {
            self.outbox.push_payload(source);
        }
        if let Some(http) = &mut cx.account.http {
            http.requests += 1;
        }
        cx.account.request_head = head;
        self.conversation = Some(conversation);
        self.reader = Reader::new(NextItem::Answer);
        self.heard = Heard::Nothing;
        self.state = State::Asked;
    }
}

fn next_stage(index: usize, cx: &mut Context<'_>) -> NextRequest {
    if cx.account.line_is_slow {
        cx.account.stages.shorten(index);
    }
    if index < cx.account.stages.count() {
        NextRequest::Stage(index)
    } else {
        if cx.parameters.hold.is_none() {
            cx.account.phases.enter(Phase::AwaitingFarewell, cx.now);
        }
        NextRequest::Receipt
    }
}

/// Appends the head of a request with a body of `content_length` bytes.
///
/// # Errors
/// Returns an error if the host cannot be put into a head.
pub(super) fn write_head(
    parameters: &SessionParameters,
    content_length: u64,
    out: &mut Vec<u8>,
) -> Result<(), HttpBuildError> {
    let target = format!("/{}", hex::encode(parameters.session_id));
    let host = host(parameters);
    request_head(out, METHOD, &target, &host, HEADERS, Some(content_length))
}

/// Returns the value of `Host:`: the authority of the URI, without the scheme's default port (RFC 9110 section 7.2).
fn host(parameters: &SessionParameters) -> String {
    let name = if parameters.host.contains(':') {
        format!("[{}]", parameters.host)
    } else {
        parameters.host.clone()
    };
    let default = if parameters.kind.shape().tls.is_some() {
        443
    } else {
        80
    };
    match parameters.port_dialled {
        port if port == default => name,
        port => format!("{name}:{port}"),
    }
}

/// The headers of an ordinary HTTP client. Without them some devices take a request for an attack. `no-store` forbids
/// devices to answer from a cache or to keep a copy.
const HEADERS: &[(&str, &str)] = &[
    ("User-Agent", "fwprobe"),
    ("Accept", "*/*"),
    ("Cache-Control", "no-store"),
    ("Content-Type", "application/octet-stream"),
];

/// The maximum number of requests that a session repeats.
///
/// If a device picks one of two instances at random for each request, 1 of 10,000 sessions with the default stages
/// reaches this number.
const MAX_RETRIES: u32 = 24;
