//! The dialogue in HTTP requests, one at a time. Each is a conversation of its own and carries a
//! greeting; the first nothing else, then one stage each, the last the receipt.

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

/// One session of HTTP requests.
#[derive(Debug)]
pub(super) struct Rounds {
    plan: NextRequest,
    state: State,
    conversation: Option<Conversation>,
    reader: Reader,
    responses: Responses,
    outbox: Outbox,
    /// The latest of the server's, which the next greeting names.
    server_nonce: Option<Nonce>,
    /// Over the digests of all rounds that are over.
    chain: Sha256,
    /// What has come in answer to the current request.
    heard: Heard,
    held: bool,
    /// The nonce from before the hold was not known after it.
    expired: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heard {
    Nothing,
    Testimony,
    /// The testimony, and what else was asked for.
    All,
}

/// What the current request, or the next one, carries besides its greeting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NextRequest {
    Nothing,
    Stage(usize),
    Receipt,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// A request is to be made as soon as the one before it is out.
    Due,
    /// A request has been made, and is not answered yet.
    Asked,
    /// Silent on purpose.
    Holding,
    /// The connection carries no further request.
    Closed,
    Finished,
}

/// What a finished response means for the round.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ResponseMeaning {
    Done,
    /// The server did not know its nonce: the same once more, under a new one.
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

    /// Another connection is needed to go on.
    pub(super) fn needs_connection(&self) -> bool {
        self.state == State::Closed
    }

    /// Another connection is there, and its TLS session where there is to be one.
    pub(super) fn reconnected(&mut self) {
        self.responses = Responses::new();
        self.outbox = Outbox::new(Cut::Nowhere);
        self.state = State::Due;
    }

    /// The hold is over.
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

    /// # Errors
    /// What has come is not the server's, or ends the session.
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

    /// The connection has ended in good order.
    ///
    /// # Errors
    /// The response that ends with it ends too early.
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

    /// `None`: the response ended where more was due.
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
        // In a long silence a nonce expires; that shows nothing about devices.
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
/// The host is none that a head can hold.
pub(super) fn write_head(
    parameters: &SessionParameters,
    content_length: u64,
    out: &mut Vec<u8>,
) -> Result<(), HttpBuildError> {
    let target = format!("/{}", hex::encode(parameters.session_id));
    let host = host(parameters);
    request_head(out, METHOD, &target, &host, HEADERS, Some(content_length))
}

/// RFC 9110 section 7.2: the authority of the URI, without the scheme's own port.
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

/// What an HTTP client says about itself; without it some devices take a request for an attack.
/// Devices are told not to answer from, or keep, a copy.
const HEADERS: &[(&str, &str)] = &[
    ("User-Agent", "fwprobe"),
    ("Accept", "*/*"),
    ("Cache-Control", "no-store"),
    ("Content-Type", "application/octet-stream"),
];

/// Requests made again in a session. Where a device chooses one of two instances by chance, all but
/// one of 10,000 sessions of the default stages get through with fewer.
const MAX_RETRIES: u32 = 24;
