//! The state of one connection that every layer of a session needs: the peer, the bytes so far, and the deadline.

use std::time::Duration;

use proto::key::KeyId;
use proto::session_kind::SessionKind;
use std::sync::Arc;

use super::arrivals::Arrivals;
use super::clock::Clock;
use super::outbox::{Outbox, TooMuch};
use super::{ConnectionFacts, End, Greeter, Limits, TlsFacts};
use crate::admission::Permit;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) facts: ConnectionFacts,
    pub(super) limits: Arc<Limits>,
    pub(super) permit: Permit,
    pub(super) outbox: Outbox,
    pub(super) arrivals: Arrivals,
    pub(super) clock: Clock,
    pub(super) kind: Option<SessionKind>,
    /// X.224 or MC-NMF bytes as received, for the testimony.
    pub(super) preface: KeptBytes,
    pub(super) tls: Option<Box<TlsFacts>>,
    /// The key of the latest authenticated greeting.
    pub(super) greeter: Option<Greeter>,
    /// Whether greetings under more than one key came: a device carries several clients on one connection.
    pub(super) shared_by_keys: bool,
    /// Whether a farewell has been sent.
    pub(super) completed: bool,
    /// The number of TCP payload bytes sent.
    pub(super) sent: u64,
    /// The reason why the latest greeting was refused.
    pub(super) refusal: Option<&'static str>,
}

impl Link {
    pub(super) fn new(
        facts: ConnectionFacts,
        permit: Permit,
        limits: Arc<Limits>,
        now: Duration,
    ) -> Self {
        Self {
            facts,
            limits,
            permit,
            outbox: Outbox::new(),
            arrivals: Arrivals::new(),
            clock: Clock::new(now),
            kind: None,
            preface: KeptBytes::default(),
            tls: None,
            greeter: None,
            shared_by_keys: false,
            completed: false,
            sent: 0,
            refusal: None,
        }
    }

    /// Records bytes that have come outside TLS or from inside it.
    pub(super) fn heard(&mut self, now: Duration, bytes: &[u8]) {
        self.clock.heard(now);
        if self.outbox.is_empty() {
            // Nothing waits for the peer to read, so the time for the answer to these bytes starts now.
            self.clock.drained(now);
        }
        if self.tls.is_none() {
            self.arrivals.push(bytes);
        }
    }

    pub(super) fn greeted(&mut self, now: Duration, greeter: Greeter, hold: Duration) {
        self.shared_by_keys |= self
            .greeter
            .as_ref()
            .is_some_and(|earlier| earlier.key != greeter.key);
        self.greeter = Some(greeter);
        self.clock.greeted(now, hold.min(self.limits.max_hold));
    }

    /// Opens the outbox. Call it once a MAC over a fresh nonce of this server was verified under `key`: the bytes are
    /// then not a replay.
    pub(super) fn prove_fresh(&mut self, now: Duration, key: &KeyId) {
        self.outbox.open();
        self.clock.proved_fresh();
        self.permit.hold_under(now, key, self.clock.is_held());
    }

    /// Returns the next step if the rest of the input cannot be used, for the reason `end`. A peer that has proved a
    /// key is disconnected immediately. Any other peer learns nothing, not even at which byte it failed.
    pub(super) fn stop(&self, end: End) -> Stop {
        if self.clock.is_fresh() {
            Stop::Close(end)
        } else {
            Stop::Silence(end)
        }
    }

    /// Returns how to stop if the gate refuses an answer because it would be longer than the request.
    pub(super) fn refused_by_gate(&self) -> impl Fn(TooMuch) -> Stop + use<> {
        let stop = self.stop(End::NotAuthenticated);
        move |TooMuch| stop
    }
}

/// The reason why a layer takes no more input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The session reads on and says nothing, until the deadline that a stranger has anyway.
    Silence(End),
    /// The shell sends the queued bytes, then closes the connection.
    Close(End),
}

/// Bytes kept for a testimony, up to the longest that one can hold, and whether more were cut off.
#[derive(Debug, Default)]
pub(super) struct KeptBytes {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: bool,
}

impl KeptBytes {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let n = bytes.len().min(MAX_KEPT);
        Self {
            bytes: bytes[..n].to_vec(),
            cut: n < bytes.len(),
        }
    }
}

/// The maximum number of bytes kept: no testimony is longer than the greeting it answers, and greetings are padded to
/// 1 KiB.
const MAX_KEPT: usize = proto::limits::GREETING_FRAME_BYTES;
