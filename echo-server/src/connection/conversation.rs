//! Carries bytes between a stream and its session, until the session wants something else than bytes.
//!
//! While nothing happens no buffer is held: what is read lives on the stack, and what is to be sent is
//! made when the socket takes it.

use std::io;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use echo_core::admission::Standing;
use echo_core::session::{Action, Env, Session};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{reset_on_close, transport_facts};
use crate::track::Track;

/// A stream that a session can be carried over.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

/// Why a conversation came to its end.
#[derive(Debug)]
pub(super) enum ConversationEnd {
    /// What follows is TLS, and begins with `leftover`.
    StartTls {
        leftover: Vec<u8>,
    },
    Closed,
}

#[derive(Debug)]
pub(super) struct Conversation<S> {
    stream: S,
    track: Arc<Track>,
    /// Made by the session, and not yet taken by the socket.
    pending: Vec<u8>,
    sent_of_pending: usize,
    state: State,
    timer: Pin<Box<Sleep>>,
    has_greeted: bool,
    /// Until the next, among the strangers.
    standing: Standing,
    /// After that: it was no replay.
    has_proved: bool,
    /// The peer has said that no more will come.
    peer_is_done: bool,
}

#[derive(Debug)]
enum State {
    Open,
    /// Everything that is queued has to go first.
    BeforeTls {
        leftover: Vec<u8>,
    },
    /// Sends what is left, then ends.
    Closing,
    /// We have said that no more will come; the peer is given time to say the same, because closing
    /// over unread bytes would be a reset, which can overtake what was sent.
    ShutDown,
}

impl<S: Carrier> Conversation<S> {
    pub(super) fn new(stream: S, track: Arc<Track>) -> Self {
        let deadline = track.session().deadline();
        let clock = track.instance.clock;
        let timer = sleep_until(clock.at(deadline.unwrap_or_else(|| clock.now())));
        Self {
            stream,
            track,
            pending: Vec::new(),
            sent_of_pending: 0,
            state: State::Open,
            timer: Box::pin(timer),
            has_greeted: false,
            standing: Standing::Silent,
            has_proved: false,
            peer_is_done: false,
        }
    }

    /// Goes on from where the session stands.
    pub(super) fn closing(stream: S, track: Arc<Track>) -> Self {
        let mut conversation = Self::new(stream, track);
        conversation.state = State::Closing;
        conversation
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    pub(super) async fn run(&mut self) -> ConversationEnd {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ConversationEnd> {
        loop {
            if self.poll_pushed_out(context).is_ready() {
                return Poll::Ready(ConversationEnd::Closed);
            }
            // Before all else, since who never stops sending would let nothing come after it; and
            // afterwards, since what was sent and read moves the deadline.
            let action = match self.poll_deadline(context) {
                Poll::Ready(action) => action,
                Poll::Pending => match self.poll_exchange(context) {
                    Poll::Ready(ControlFlow::Continue(action)) => action,
                    Poll::Ready(ControlFlow::Break(outcome)) => return Poll::Ready(outcome),
                    Poll::Pending => {
                        // Should nothing ever come again: how far it came.
                        self.track.count();
                        ready!(self.poll_deadline(context))
                    }
                },
            };
            if let Some(outcome) = self.follow(action) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Sends what can be sent, and reads once.
    fn poll_exchange(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ControlFlow<ConversationEnd, Action>> {
        if let Poll::Ready(sent) = self.poll_send(context) {
            match sent.and_then(|()| self.poll_after_sending(context)) {
                Ok(Poll::Ready(outcome)) => return Poll::Ready(ControlFlow::Break(outcome)),
                Ok(Poll::Pending) => {}
                Err(_) => return Poll::Ready(ControlFlow::Break(self.lost())),
            }
        }
        Poll::Ready(match ready!(self.poll_receive(context)) {
            Ok(action) => ControlFlow::Continue(action),
            Err(_) => ControlFlow::Break(self.lost()),
        })
    }

    fn poll_pushed_out(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.has_proved {
            return Poll::Pending;
        }
        self.track.poll_pushed_out(context)
    }

    /// Sends until nothing is left, which is when it is ready.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while self.sent_of_pending < self.pending.len() {
                let rest = &self.pending[self.sent_of_pending..];
                let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.sent_of_pending += written;
            }
            self.sent_of_pending = 0;
            self.pending.clear();
            let now = self.track.now();
            let mut session = self.track.session();
            if session.transmit(now, &mut self.pending, WRITE_BYTES) == 0 {
                drop(session);
                self.pending = Vec::new();
                return Pin::new(&mut self.stream).poll_flush(context);
            }
        }
    }

    /// All is sent: goes on with what waited for it.
    fn poll_after_sending(
        &mut self,
        context: &mut Context<'_>,
    ) -> io::Result<Poll<ConversationEnd>> {
        match &mut self.state {
            State::Open => {}
            State::ShutDown if self.peer_is_done => {
                return Ok(Poll::Ready(ConversationEnd::Closed));
            }
            State::ShutDown => {}
            State::BeforeTls { leftover } => {
                let leftover = std::mem::take(leftover);
                return Ok(Poll::Ready(ConversationEnd::StartTls { leftover }));
            }
            State::Closing => match Pin::new(&mut self.stream).poll_shutdown(context) {
                Poll::Ready(result) => {
                    result?;
                    self.state = State::ShutDown;
                    // Where nothing of ours is under way, there is nothing for a reset to overtake.
                    if self.peer_is_done || self.track.session().summary().sent == 0 {
                        return Ok(Poll::Ready(ConversationEnd::Closed));
                    }
                }
                Poll::Pending => {}
            },
        }
        Ok(Poll::Pending)
    }

    /// Reads once, and says what the session makes of it.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Action>> {
        if self.peer_is_done || matches!(self.state, State::BeforeTls { .. }) || self.is_too_much()
        {
            return Poll::Pending;
        }
        let mut space = [MaybeUninit::<u8>::uninit(); READ_BYTES];
        let mut buffer = ReadBuf::uninit(&mut space);
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
        let track = &self.track;
        match read {
            // TLS without its own farewell: what there was has been read.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                track.session().tls_failed(track.now(), &error.to_string());
                return Poll::Ready(Err(error));
            }
            read => read?,
        }
        let bytes = buffer.filled();
        if bytes.is_empty() {
            self.peer_is_done = true;
            return Poll::Ready(Ok(match self.state {
                State::Open => track.session().peer_closed(track.now()),
                State::BeforeTls { .. } | State::Closing | State::ShutDown => Action::Continue,
            }));
        }
        let action = self.in_session(|session, env| session.receive(env, bytes));
        Poll::Ready(Ok(action))
    }

    /// Whether a stranger has sent so much that the rest may wait in the kernel, until its time is up. A
    /// greeting alone makes nobody known: it may be a replay.
    fn is_too_much(&self) -> bool {
        !self.has_proved && self.track.session().summary().received > STRANGERS_BYTES
    }

    fn in_session(&self, call: impl FnOnce(&mut Session, &mut Env<'_>) -> Action) -> Action {
        let (track, tcp) = (&self.track, self.stream.tcp());
        let transport = &mut || transport_facts(tcp);
        let instance = &track.instance;
        instance.with_env(transport, |env| call(&mut track.session(), env))
    }

    /// Ready with what the session makes of a deadline that has passed.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Action> {
        loop {
            let Some(deadline) = self.track.session().deadline() else {
                return Poll::Pending;
            };
            let deadline = self.track.instance.clock.at(deadline);
            // Most deadlines move on with every byte. The timer is left where it is then, and only
            // looks again when it fires.
            if deadline < self.timer.deadline() {
                self.timer.as_mut().reset(deadline);
            }
            ready!(self.timer.as_mut().poll(context));
            if Instant::now() < deadline {
                self.timer.as_mut().reset(deadline);
                continue;
            }
            return Poll::Ready(self.in_session(Session::on_deadline));
        }
    }

    fn follow(&mut self, action: Action) -> Option<ConversationEnd> {
        self.note_progress(&action);
        match action {
            // The latter comes at the end of a handshake, and not from here.
            Action::Continue | Action::HandToControl => {}
            Action::StartTls { leftover } => self.state = State::BeforeTls { leftover },
            Action::Close(_) => {
                if let State::Open | State::BeforeTls { .. } = self.state {
                    self.state = State::Closing;
                }
            }
            Action::Abort(_) => {
                if !matches!(self.state, State::ShutDown) {
                    reset_on_close(self.stream.tcp());
                }
                return Some(ConversationEnd::Closed);
            }
        }
        None
    }

    /// Keeps the server's books about this connection as far as they may be asked for meanwhile: its
    /// first bytes, and whatever is more than a step within the dialogue.
    fn note_progress(&mut self, action: &Action) {
        if self.has_proved && *action == Action::Continue {
            return;
        }
        let summary = self.track.session().summary();
        let standing = match (&summary.greeted, summary.kind) {
            (Some(_), _) => Standing::Greeted,
            (None, Some(_)) => Standing::Speaking,
            (None, None) => Standing::Silent,
        };
        if standing > self.standing {
            self.standing = standing;
            self.track.advance(standing);
        }
        if summary.proved && !self.has_proved {
            self.has_proved = true;
            self.track.has_proved();
        }
        if summary.greeted.is_some() && !self.has_greeted {
            self.has_greeted = true;
            self.track.has_greeted();
            self.track.note();
        } else if *action != Action::Continue || summary.received <= NOTED_BYTES {
            self.track.note();
        }
    }

    /// The connection is gone.
    fn lost(&self) -> ConversationEnd {
        let track = &self.track;
        track.session().peer_reset(track.now());
        ConversationEnd::Closed
    }
}

impl Carrier for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

/// Read at a time, on the stack: a TLS record's worth.
const READ_BYTES: usize = 16 * 1024;
/// Made at a time, and held only for as long as the socket does not take it.
const WRITE_BYTES: usize = 16 * 1024;
/// Far more than a TLS handshake, a preface and a greeting are.
const STRANGERS_BYTES: u64 = 256 * 1024;
/// The longest prefix that sightings keep lies within the first so many bytes; later ones only add to
/// a count, which is noted at the end.
const NOTED_BYTES: u64 = 1024;
