//! Carries bytes between a stream and its session, until the session needs TLS or ends.
//!
//! While nothing happens no buffer is held: bytes that are read live on the stack, and bytes to be sent are generated
//! when the socket can take them.

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

/// A stream that can carry a session.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

/// The reason why a conversation ended.
#[derive(Debug)]
pub(super) enum ConversationEnd {
    /// The session needs TLS: the bytes that follow begin with `leftover`.
    StartTls {
        leftover: Vec<u8>,
    },
    Closed,
}

#[derive(Debug)]
pub(super) struct Conversation<S> {
    stream: S,
    track: Arc<Track>,
    /// Bytes that the session has made and the socket has not taken yet.
    pending: Vec<u8>,
    sent_of_pending: usize,
    state: State,
    timer: Pin<Box<Sleep>>,
    has_greeted: bool,
    /// The standing among the strangers that was reported last.
    standing: Standing,
    /// Whether the peer has proved its key, so that its greeting was not a replay.
    has_proved: bool,
    /// Whether the peer has announced that it will send no more.
    peer_is_done: bool,
}

#[derive(Debug)]
enum State {
    Open,
    /// TLS begins once everything that is queued has been sent.
    BeforeTls {
        leftover: Vec<u8>,
    },
    /// The conversation ends once the rest has been sent.
    Closing,
    /// We have announced that we will send no more, and give the peer time to do the same. Closing with unread bytes
    /// would cause a reset, which can overtake the bytes that were sent.
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

    /// Continues with a session that is already closing.
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
            // The deadline is checked first, because a peer that never stops sending would keep everything after it
            // from running. It is checked again afterwards, because bytes sent and read move it.
            let action = match self.poll_deadline(context) {
                Poll::Ready(action) => action,
                Poll::Pending => match self.poll_exchange(context) {
                    Poll::Ready(ControlFlow::Continue(action)) => action,
                    Poll::Ready(ControlFlow::Break(outcome)) => return Poll::Ready(outcome),
                    Poll::Pending => {
                        // The counts are recorded now, in case nothing ever comes again.
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

    /// Sends as many bytes as the socket takes, and reads once.
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

    /// Sends, and is ready once nothing is left to send.
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

    /// Continues, once everything is sent, with the step that has waited for that.
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
                    // If none of our bytes are in flight, a reset cannot overtake any.
                    if self.peer_is_done || self.track.session().summary().sent == 0 {
                        return Ok(Poll::Ready(ConversationEnd::Closed));
                    }
                }
                Poll::Pending => {}
            },
        }
        Ok(Poll::Pending)
    }

    /// Reads once, and returns the session's action.
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
            // The peer ended TCP without ending TLS. Everything that it sent has been read.
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

    /// Returns whether the peer is a stranger that has sent more than any client needs to prove a key. The rest then
    /// stays in the kernel until the deadline. A peer that has only greeted is still a stranger, because its greeting
    /// may be a replay.
    fn is_too_much(&self) -> bool {
        !self.has_proved && self.track.session().summary().received > STRANGERS_BYTES
    }

    fn in_session(&self, call: impl FnOnce(&mut Session, &mut Env<'_>) -> Action) -> Action {
        let (track, tcp) = (&self.track, self.stream.tcp());
        let transport = &mut || transport_facts(tcp);
        let instance = &track.instance;
        instance.with_env(transport, |env| call(&mut track.session(), env))
    }

    /// Is ready with the session's action once a deadline has passed.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Action> {
        loop {
            let Some(deadline) = self.track.session().deadline() else {
                return Poll::Pending;
            };
            let deadline = self.track.instance.clock.at(deadline);
            // Most deadlines move with every byte. The timer is not set anew each time; when it fires, the deadline is
            // checked again.
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
            // `HandToControl` is returned only at the end of a handshake.
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

    /// Updates the sighting of this connection, which a client may ask for while the connection is open, and its
    /// standing among the strangers. Steps within the dialogue of a proved client are left out.
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

    /// Ends the conversation because the connection is gone.
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

/// The number of bytes read at a time, on the stack: one TLS record.
const READ_BYTES: usize = 16 * 1024;
/// The number of bytes generated at a time. They are held only while the socket does not take them.
const WRITE_BYTES: usize = 16 * 1024;
/// The number of bytes read from a stranger: far more than a TLS handshake, a preface and a greeting need.
const STRANGERS_BYTES: u64 = 256 * 1024;
/// The number of a connection's first bytes that update its sighting as they arrive. They include the longest prefix
/// that sightings keep. Later bytes only change a count, which is recorded at the end.
const NOTED_BYTES: u64 = 1024;
