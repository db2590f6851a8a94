//! The client's side of a session, without sockets: the bytes to send, the meaning of the received bytes, and the
//! report. docs/develop/wire.md describes the bytes on the wire.

mod account;
mod chunked;
mod conversation;
mod dialogue;
mod envelopes;
mod fault;
mod first_sent;
mod head_comparison;
mod hex_bytes;
mod http_account;
mod input;
mod need;
mod opening;
mod outbox;
mod parameters;
mod phase;
mod reader;
mod recognise;
mod report;
mod response;
mod rounds;
mod stages;
mod stranger;
mod stream;
mod testimony;
mod tls_here;

use std::time::Duration;

use self::account::Account;
use self::dialogue::Dialogue;
use self::fault::Stop;
use self::first_sent::{FirstSent, Start};
use self::input::Input;
use self::opening::Opening;
use self::phase::PhaseLog;
use self::reader::Context;
use self::stages::Stages;
use self::stranger::Stranger;
use crate::session_kind::{Preface, SessionShape};

pub use self::account::{Farewell, Hold, PrefaceReply};
pub use self::fault::{
    ByteRange, Fault, ForeignBytes, MAX_QUOTED, Malformation, PrefaceRefusal, Quoted,
    RefusalReason, ServerFrame,
};
pub use self::first_sent::{SentPrefix, prefixes_of};
pub use self::head_comparison::HeadComparison;
pub use self::hex_bytes::{Digest, HexArray, HexBytes};
pub use self::http_account::{ForeignHeader, HttpAccount};
pub use self::need::{Need, TlsParameters};
pub use self::parameters::{InvalidParameters, NetTcpService, SessionParameters, Stage};
pub use self::phase::{Phase, PhaseEntry};
pub use self::recognise::{HttpStranger, Recognised};
pub use self::report::{SessionReport, UnfinishedFrame};
pub use self::stages::{DownReport, StageReport, UpReport};
pub use self::testimony::{Agreement, ClientTls, Testimony, TlsAtServer, TlsParameter};
pub use self::tls_here::TlsHere;

/// The client's side of one session.
///
/// The shell calls a method for each event, with `now`, the time since the run's start. The method returns a [`Need`],
/// which says what the shell must do next. [`report`](Self::report) may be called at any time.
#[derive(Debug)]
pub struct ClientSession {
    parameters: SessionParameters,
    shape: SessionShape,
    state: State,
    account: Account,
    dialogue: Dialogue,
    tls: Option<ClientTls>,
    /// The first bytes of the plain TCP stream, ClientHello included.
    first_sent: FirstSent,
    /// The first bytes of the stream inside TLS.
    first_inside: Start,
    stranger: Option<Box<Stranger>>,
    fault: Option<Fault>,
    now: Duration,
}

#[derive(Debug)]
enum State {
    Opening(Opening),
    Tls,
    Dialogue,
    /// The session or its connection has ended.
    Over,
}

impl ClientSession {
    /// Starts a session on a newly established connection, and returns its first need.
    ///
    /// # Errors
    /// Returns an error if a parameter exceeds a limit, or if a parameter that the session kind needs is missing.
    pub fn new(
        parameters: SessionParameters,
        now: Duration,
    ) -> Result<(Self, Need), InvalidParameters> {
        parameters.check()?;
        let shape = parameters.kind.shape();
        let (state, phase) = match (shape.preface, shape.tls) {
            (Some(preface), _) => {
                let opening = Opening::with_preface(preface, &parameters)?;
                (State::Opening(opening), Phase::Preface)
            }
            (None, Some(_)) => (State::Tls, Phase::Tls),
            (None, None) => (State::Dialogue, Phase::AwaitingTestimony),
        };
        let dialogue = Dialogue::in_envelope(shape.envelope);
        let http = matches!(dialogue, Dialogue::Rounds(_)).then(|| Box::new(HttpAccount::new()));
        let stages = Stages::new(&parameters.stages);
        let session = Self {
            account: Account::new(PhaseLog::begin(phase, now), stages, http),
            parameters,
            shape,
            state,
            dialogue,
            tls: None,
            first_sent: FirstSent::new(),
            first_inside: Start::new(),
            stranger: None,
            fault: None,
            now,
        };
        let need = session.need();
        Ok((session, need))
    }

    /// Appends up to `limit` bytes to `out` and returns their number; 0 if there is nothing to send now.
    ///
    /// Payload is generated only when it is about to be sent.
    pub fn transmit(&mut self, out: &mut Vec<u8>, limit: usize) -> usize {
        let start = out.len();
        match &mut self.state {
            State::Opening(opening) => opening.transmit(out, limit),
            State::Dialogue => {
                let (dialogue, mut cx) = self.parts();
                dialogue.transmit(&mut cx, out, limit);
                self.account.bytes_sent += (out.len() - start) as u64;
            }
            State::Tls | State::Over => {}
        }
        let sent = &out[start..];
        if self.tls.is_some() {
            self.first_inside.add(sent);
        } else {
            self.sent_plain(sent);
        }
        sent.len()
    }

    /// Records bytes that the shell's TLS has sent on the plain TCP stream.
    ///
    /// Only the first few hundred bytes of a connection matter; further ones are ignored.
    pub fn sent_plain(&mut self, bytes: &[u8]) {
        if self.account.connections() == 1 {
            self.first_sent.add(bytes);
        }
    }

    /// Takes received bytes: those inside TLS once it is established, otherwise those of the plain stream.
    ///
    /// While a TLS handshake is pending, the bytes belong to TLS, and the returned [`Need`] hands them back as
    /// `leftover`.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) -> Need {
        self.now = now;
        if let Some(stranger) = &mut self.stranger {
            stranger.extend(bytes);
            return Need::Failed;
        }
        match &mut self.state {
            State::Opening(_) => self.receive_opening(bytes),
            State::Tls => self.start_tls(bytes.to_vec()),
            State::Dialogue => self.receive_dialogue(bytes),
            State::Over => self.need(),
        }
    }

    /// Notifies the session that the requested TLS handshake has succeeded with the pinned server key.
    pub fn tls_established(&mut self, now: Duration, facts: ClientTls) -> Need {
        self.now = now;
        if !matches!(self.state, State::Tls) {
            return self.need();
        }
        self.tls = Some(facts);
        if self.shape.preface == Some(Preface::NetTcpPreamble) {
            self.state = State::Opening(Opening::preamble_end());
            self.account.phases.enter(Phase::InnerPreface, now);
        } else {
            self.begin_dialogue();
        }
        self.need()
    }

    /// Notifies the session that the requested TLS handshake has failed.
    ///
    /// `received` is everything received on the plain TCP stream, or the beginning of it. If these bytes are not TLS,
    /// the report quotes them. If the peer does speak TLS, the shell reports why the handshake failed.
    pub fn tls_failed(&mut self, now: Duration, received: &[u8]) -> Need {
        self.now = now;
        let speaks_tls = received.is_empty()
            || TLS_HANDSHAKE.starts_with(received)
            || received.starts_with(&TLS_HANDSHAKE);
        // A plain echo service returns our own ClientHello, which looks like TLS.
        if !speaks_tls || self.first_sent.start().echoed_by(received) {
            return self.stop(Stop::Foreign {
                at: 0,
                bytes: received.to_vec(),
            });
        }
        self.state = State::Over;
        self.need()
    }

    /// Notifies the session that the requested new connection is established.
    pub fn reconnected(&mut self, now: Duration) -> Need {
        self.now = now;
        if !self.dialogue.needs_connection() {
            return self.need();
        }
        self.account.connected_again();
        if self.shape.tls.is_some() {
            self.state = State::Tls;
        } else {
            self.begin_dialogue();
        }
        self.need()
    }

    /// Notifies the session that the peer has closed the connection in an orderly way.
    pub fn closed(&mut self, now: Duration) -> Need {
        self.now = now;
        if let (Dialogue::Rounds(rounds), mut cx) = self.parts()
            && let Err(stop) = rounds.closed(&mut cx)
        {
            return self.stop(stop);
        }
        if !matches!(self.need(), Need::Finished | Need::Reconnect) {
            self.state = State::Over;
        }
        self.need()
    }

    /// Returns when to call [`wake`](Self::wake) if nothing is received first: the end of the current hold, if any.
    pub fn wake_at(&self) -> Option<Duration> {
        self.account.hold_ends()
    }

    /// Notifies the session that the time returned by [`wake_at`](Self::wake_at) has come.
    pub fn wake(&mut self, now: Duration) -> Need {
        self.now = now;
        if self.wake_at().is_some_and(|at| now >= at) {
            self.account.hold_ended(now);
            let (dialogue, mut cx) = self.parts();
            dialogue.wake(&mut cx);
        }
        self.need()
    }

    /// Notifies the session that the line is slow, so that it shortens or leaves out large stages that have not begun.
    pub fn line_is_slow(&mut self) {
        self.account.line_is_slow = true;
    }

    /// Returns whether anything was wrong with the received bytes; [`report`](Self::report) says what.
    pub fn has_fault(&self) -> bool {
        self.fault.is_some() || self.stranger.is_some()
    }

    fn parts(&mut self) -> (&mut Dialogue, Context<'_>) {
        let cx = Context {
            parameters: &mut self.parameters,
            tls: self.tls.as_ref(),
            account: &mut self.account,
            now: self.now,
        };
        (&mut self.dialogue, cx)
    }

    fn need(&self) -> Need {
        match &self.state {
            State::Over => Need::Failed,
            State::Tls => self.start_tls(Vec::new()),
            State::Opening(_) => Need::Io,
            State::Dialogue if self.dialogue.is_finished() => Need::Finished,
            State::Dialogue if self.dialogue.needs_connection() => Need::Reconnect,
            State::Dialogue => Need::Io,
        }
    }

    fn start_tls(&self, leftover: Vec<u8>) -> Need {
        let tls = self.shape.tls;
        Need::StartTls(TlsParameters {
            sni: tls.is_some_and(|tls| tls.sni),
            alpn: tls.and_then(|tls| tls.alpn),
            leftover,
        })
    }

    fn begin_dialogue(&mut self) {
        self.state = State::Dialogue;
        self.account
            .phases
            .enter(Phase::AwaitingTestimony, self.now);
        if let (Dialogue::Rounds(rounds), _) = self.parts()
            && rounds.needs_connection()
        {
            rounds.reconnected();
        }
    }

    fn receive_opening(&mut self, bytes: &[u8]) -> Need {
        let State::Opening(opening) = &mut self.state else {
            return self.need();
        };
        let answered = match opening.receive(bytes) {
            Ok(None) => return Need::Io,
            Ok(Some(answered)) => answered,
            Err(stop) => return self.stop(stop),
        };
        if answered.preface_reply.is_some() {
            self.account.preface_reply = answered.preface_reply;
            self.account.phases.enter(Phase::Tls, self.now);
            self.state = State::Tls;
            return self.start_tls(answered.leftover);
        }
        self.begin_dialogue();
        self.receive(self.now, &answered.leftover)
    }

    fn receive_dialogue(&mut self, bytes: &[u8]) -> Need {
        let at = self.account.bytes_received;
        let limit = self.account.stages.down_total() + OVERHEAD;
        if bytes.len() as u64 > limit.saturating_sub(at) {
            return self.stop(Fault::TooLong { limit }.into());
        }
        self.account.bytes_received += bytes.len() as u64;
        let input = Input::new(bytes, at);
        let (dialogue, mut cx) = self.parts();
        if let Err(stop) = dialogue.receive(&mut cx, input) {
            return self.stop(stop);
        }
        if self.dialogue.is_finished() {
            self.account.phases.enter(Phase::Finished, self.now);
        }
        self.need()
    }

    fn stop(&mut self, stop: Stop) -> Need {
        self.state = State::Over;
        match stop {
            Stop::Fault(fault) => self.fault = Some(*fault),
            Stop::Foreign { at, bytes } => {
                let phase = self.account.phases.current();
                let spoke_first = if self.tls.is_some() {
                    self.first_inside.is_empty()
                } else {
                    self.first_sent.start().is_empty()
                };
                let stranger = Stranger::new(phase, spoke_first, at, &bytes);
                self.stranger = Some(Box::new(stranger));
            }
        }
        Need::Failed
    }
}

/// The first bytes of a TLS record with a handshake message, in any version (RFC 8446 section 5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// The maximum number of bytes that a session may receive in addition to its payload.
///
/// Frames take about 2 KiB, and envelopes take less. The HTTP responses to all retries also stay below this limit, even
/// with the largest heads.
const OVERHEAD: u64 = 1024 * 1024;

#[cfg(test)]
mod tests;
