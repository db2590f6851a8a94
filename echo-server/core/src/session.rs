//! The session of one connection: bytes and times in, actions and bytes out. It recognises the session kind by the
//! first bytes, stays silent towards strangers, and runs one dialogue with a client that proves a key.

mod arrivals;
mod clock;
mod dialogue;
mod env;
mod envelopes;
mod facts;
mod frames;
mod greeting;
mod http;
mod layer;
mod limits;
mod link;
mod outbox;
mod stages;
mod testimony;

use std::sync::Arc;
use std::time::Duration;

use self::clock::Waiting;
use self::layer::{Layer, Step};
use self::link::{Link, Stop};
use crate::admission::Permit;
use crate::sightings::{Attribution, Fate, Notice};

pub use self::env::Env;
pub use self::facts::{
    ConnectionFacts, ConnectionId, End, Greeter, KernelFacts, RunId, SessionId, Summary, TlsFacts,
};
pub use self::limits::Limits;
pub use self::stages::StageBook;

/// The next step of the shell. In every case it first sends what [`Session::transmit`] has, as far as the socket takes
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The shell reads on.
    Continue,
    /// The shell runs the server's side of a TLS handshake once everything is sent. `leftover` is the beginning of it,
    /// already read from the socket. From here on, raw bytes go through [`Session::tls_received`]. The bytes inside TLS
    /// go through [`Session::receive`] after [`Session::tls_established`].
    StartTls { leftover: Vec<u8> },
    /// The shell hands the connection to the control service, which the client speaks inside TLS. The session is not
    /// involved any more.
    HandToControl,
    /// The shell closes the connection once everything is sent, or at the latest at the deadline. The session ignores
    /// bytes that still arrive.
    Close(End),
    /// The shell closes the connection now.
    Abort(End),
}

/// The state machine of one connection.
#[derive(Debug)]
pub struct Session {
    link: Link,
    layer: Layer,
    /// The bytes received so far that are too few to decide anything; never longer than the head of a request.
    held: Vec<u8>,
    end: Option<End>,
    tls_error: Option<Box<str>>,
}

impl Session {
    /// Creates the session of a connection accepted at `now`.
    pub fn new(facts: ConnectionFacts, permit: Permit, limits: Arc<Limits>, now: Duration) -> Self {
        Self {
            link: Link::new(facts, permit, limits, now),
            layer: Layer::FirstBytes,
            held: Vec::new(),
            end: None,
            tls_error: None,
        }
    }

    /// Takes bytes from the socket or, once TLS is established, from inside TLS.
    pub fn receive(&mut self, env: &mut Env<'_>, bytes: &[u8]) -> Action {
        self.link.heard(env.now, bytes);
        if self.end.is_some() {
            return Action::Continue;
        }
        if self.held.is_empty() {
            return self.advance(env, bytes);
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(bytes);
        self.advance(env, &joined)
    }

    /// Records raw bytes of the TLS stream as they are read from the socket: for the ClientHello's digest until the
    /// handshake ends, and for the byte count after that.
    pub fn tls_received(&mut self, now: Duration, raw: &[u8]) {
        self.link.clock.heard(now);
        self.link.arrivals.push_tls(raw);
    }

    /// Records raw bytes of the TLS stream as they are written to the socket.
    pub fn tls_sent(&mut self, now: Duration, raw: usize) {
        self.link.clock.drained(now);
        self.link.sent += raw as u64;
    }

    /// Records that the handshake requested by [`Action::StartTls`] has succeeded.
    pub fn tls_established(&mut self, facts: TlsFacts) -> Action {
        self.link.arrivals.end_hellos();
        // Only a session that begins with TLS can lead to the control service: a device that looks for RDP or net.tcp
        // would find neither in it.
        let control = facts.alpn.as_deref() == Some(ALPN_HTTP2)
            && matches!(self.layer, Layer::Handshake(layer::Inside::Anything));
        self.link.tls = Some(Box::new(facts));
        if control {
            self.link.kind = None;
            self.layer = Layer::Control;
            return Action::HandToControl;
        }
        self.layer.enter_tls();
        Action::Continue
    }

    /// Records a failed handshake. A client that asks about this connection receives `error`.
    pub fn tls_failed(&mut self, now: Duration, error: &str) -> Action {
        self.link.arrivals.end_hellos();
        self.tls_error = Some(error.chars().take(MAX_TLS_ERROR).collect());
        self.close(now, End::TlsFailed)
    }

    /// Appends up to `limit` bytes to `out`, for the socket or, once TLS is established, for the inside of TLS. Returns
    /// the number of bytes appended. Call it when the socket takes more; 0 means that nothing is left.
    pub fn transmit(&mut self, now: Duration, out: &mut Vec<u8>, limit: usize) -> usize {
        let moved = self.link.outbox.drain(out, limit);
        if moved > 0 {
            self.link.clock.drained(now);
        }
        if self.link.tls.is_none() {
            self.link.sent += moved as u64;
        }
        moved
    }

    /// Returns the time of the next call of [`Session::on_deadline`], as time since the server's start. Every other
    /// call can change it. `None` if the control service has taken over.
    pub fn deadline(&self) -> Option<Duration> {
        let waiting = if !self.link.outbox.is_empty() {
            Waiting::Drain
        } else if self.layer.awaits_payload() {
            Waiting::Stage
        } else {
            Waiting::Frame
        };
        let deadline = self.link.clock.deadline(&self.link.limits, waiting);
        (!self.layer.is_handed_over()).then_some(deadline)
    }

    /// Acts on a deadline that has passed. Calling it early does no harm.
    pub fn on_deadline(&mut self, env: &mut Env<'_>) -> Action {
        if self.deadline().is_none_or(|deadline| env.now < deadline) {
            return Action::Continue;
        }
        if let Some(end) = self.end {
            return Action::Abort(end);
        }
        let stuck = !self.link.outbox.is_empty();
        if !stuck && self.layer.give_up(env, &mut self.link) {
            return self.close(env.now, End::Deadline);
        }
        let end = self.end_so_far(End::Deadline);
        let close = self.close(env.now, end);
        // A peer that does not read will not read the rest either.
        if stuck { Action::Abort(end) } else { close }
    }

    /// Records that the peer will send no more. Queued bytes can still be sent.
    pub fn peer_closed(&mut self, now: Duration) -> Action {
        let end = self.end_so_far(End::PeerClosed);
        self.close(now, end)
    }

    /// Records that the connection is gone.
    pub fn peer_reset(&mut self, now: Duration) -> Action {
        let end = self.end_so_far(End::PeerReset);
        self.close(now, end);
        Action::Abort(self.end.unwrap_or(end))
    }

    pub fn summary(&self) -> Summary {
        Summary {
            connection_id: self.link.facts.connection_id,
            kind: self.link.kind,
            end: self.end,
            received: self.link.arrivals.total(),
            sent: self.link.sent,
            greeted: self.link.greeter.clone(),
            proved: self.link.clock.is_fresh(),
            refusal: self.link.refusal,
        }
    }

    /// Returns the TCP payload bytes received and sent so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.link.arrivals.total(), self.link.sent)
    }

    /// Returns the notice that the instance's sightings should contain about this connection now. An update is due when
    /// more of the first 512 bytes have arrived, a greeting has arrived, TLS has failed, or the session is over.
    pub fn notice(&self) -> Notice {
        let greeter = self.link.greeter.as_ref();
        Notice {
            received: self.link.arrivals.total(),
            sent: self.link.sent,
            prefixes: self.link.arrivals.prefixes(),
            unique_from: self.link.arrivals.distinguishing_prefix(),
            client_hello_sha256: self.link.arrivals.client_hello_sha256(),
            fate: match self.end {
                Some(end) => Fate::Ended(end),
                None if self.layer.is_handed_over() => Fate::Control,
                None => Fate::Open,
            },
            tls_error: self.tls_error.clone(),
            session: greeter.map(|greeter| greeter.session),
            attribution: match greeter {
                Some(_) if self.link.shared_by_keys => Attribution::SeveralKeys,
                Some(greeter) => Attribution::Key(greeter.key.clone()),
                None => Attribution::Nobody,
            },
        }
    }

    fn advance(&mut self, env: &mut Env<'_>, bytes: &[u8]) -> Action {
        let mut input = bytes;
        loop {
            match self.layer.receive(env, &mut self.link, &mut input) {
                Ok(Step::Next(layer)) => self.layer = layer,
                Ok(Step::More) => return Action::Continue,
                Ok(Step::Hold) => {
                    self.held = input.to_vec();
                    return Action::Continue;
                }
                Ok(Step::StartTls(inside)) => {
                    self.layer = Layer::Handshake(inside);
                    self.link.arrivals.begin_tls(input);
                    return Action::StartTls {
                        leftover: input.to_vec(),
                    };
                }
                Err(Stop::Silence(end)) => {
                    self.layer = Layer::Silence(end);
                    return Action::Continue;
                }
                Err(Stop::Close(end)) => return self.close(env.now, end),
            }
        }
    }

    fn close(&mut self, now: Duration, end: End) -> Action {
        let end = *self.end.get_or_insert(end);
        self.link.clock.closing(now);
        Action::Close(end)
    }

    /// Returns the outcome of a session that ends now: `otherwise`, unless the session has been completed or broken
    /// off.
    fn end_so_far(&self, otherwise: End) -> End {
        match self.layer.broken_off() {
            Some(end) => end,
            None if self.link.completed => End::Completed,
            None => otherwise,
        }
    }
}

/// The ALPN protocol id of the control service (RFC 9113 section 3.2).
const ALPN_HTTP2: &[u8] = b"h2";

/// The maximum length of a TLS library's message, in characters: more than any has.
const MAX_TLS_ERROR: usize = 160;

#[cfg(test)]
mod tests;
