//! The server's record of one connection while it lasts, and the sighting that it leaves.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use echo_core::admission::{Permit, Standing};
use echo_core::session::{ConnectionFacts, End, Session};
use echo_core::sightings::{Fate, SightingId};
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::instance::Instance;
use crate::stranger_log::{CONTROL, MADE_TO_LEAVE};
use crate::strangers::Stranger;

/// One connection's session, with its sighting and its place among the strangers.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) instance: Arc<Instance>,
    session: Mutex<Session>,
    accepted: Duration,
    sighting: SightingId,
    /// Set once the connection is a known client's.
    known: OnceLock<TaskTrackerToken>,
    /// Set once TLS has begun: the connection's place among the strangers in TLS.
    in_tls: OnceLock<Box<Stranger>>,
    /// Dropped after the session, so that the session's permit is free when the next waiting connection wakes.
    stranger: Stranger,
}

/// A control connection that has proved a key. It is counted when it ends.
#[derive(Debug)]
pub(crate) struct KnownControl {
    instance: Arc<Instance>,
    _known: TaskTrackerToken,
}

impl Track {
    /// Starts the record of a connection that has just been accepted.
    pub(crate) fn begin(
        instance: Arc<Instance>,
        facts: ConnectionFacts,
        permit: Permit,
        stranger: Stranger,
    ) -> Self {
        let known = instance.half_open.completed(facts.peer, facts.local);
        let wall = instance.clock.steady();
        let sighting = known
            .filter(|id| instance.sightings.completed(*id, &facts))
            .unwrap_or_else(|| instance.sightings.accepted(&facts, wall));
        let limits = Arc::clone(&instance.live().limits);
        let accepted = instance.clock.now();
        let session = Session::new(facts, permit, limits, accepted);
        Self {
            instance,
            session: Mutex::new(session),
            accepted,
            sighting,
            known: OnceLock::new(),
            in_tls: OnceLock::new(),
            stranger,
        }
    }

    /// Locks the session, for one call into it.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        // A session that panicked half way is silent at worst. Its connection ends with the task.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Duration {
        self.instance.clock.now()
    }

    pub(crate) fn since_accept(&self) -> Duration {
        self.now().saturating_sub(self.accepted)
    }

    /// Returns how much time a stranger has left to prove a key.
    pub(crate) fn greeting_left(&self) -> Duration {
        let greeting = self.instance.live().limits.greeting;
        greeting.saturating_sub(self.since_accept())
    }

    /// Records that a greeting over this connection was authentic. It may be a replay.
    pub(crate) fn has_greeted(&self) {
        self.known.get_or_init(|| self.instance.known.token());
    }

    /// Records that the peer has answered this server's own nonce for this connection.
    pub(crate) fn has_proved(&self) {
        self.has_greeted();
        let (now, source) = (self.now(), self.stranger.source());
        self.stranger.has_proved(now);
        match self.in_tls.get() {
            Some(in_tls) => in_tls.has_proved(now),
            None => self.instance.strangers_in_tls.becomes_familiar(now, source),
        }
    }

    /// Records that TLS begins. If too many strangers are in TLS, another one has to leave.
    pub(crate) fn begins_tls(&self) {
        let (now, source) = (self.now(), self.stranger.source());
        let (in_tls, pressure) = self.instance.strangers_in_tls.enter(now, source);
        if let Some(pressure) = pressure {
            self.instance.metrics.refused(pressure.word());
        }
        self.in_tls.get_or_init(|| Box::new(in_tls));
    }

    /// Records that the stranger's connection has reached `standing`.
    pub(crate) fn advance(&self, standing: Standing) {
        self.stranger.advance(standing);
        if let Some(in_tls) = self.in_tls.get() {
            in_tls.advance(standing);
        }
    }

    /// Is ready once this connection has to make room.
    pub(crate) fn poll_pushed_out(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.stranger.poll_pushed_out(context).is_ready() {
            return Poll::Ready(());
        }
        match self.in_tls.get() {
            Some(in_tls) => in_tls.poll_pushed_out(context),
            None => Poll::Pending,
        }
    }

    /// Turns the record into one that only counts the end of the connection, because a call to the control service has
    /// proved a key.
    pub(crate) fn into_known_control(self: Arc<Self>) -> KnownControl {
        self.has_proved();
        let instance = Arc::clone(&self.instance);
        KnownControl {
            _known: instance.known.token(),
            instance,
        }
    }

    /// Updates the sighting.
    pub(crate) fn note(&self) {
        let notice = self.session().notice();
        self.instance.sightings.update(self.sighting, notice);
    }

    /// Updates the sighting's byte counts, including bytes of an incomplete TLS record.
    pub(crate) fn count(&self) {
        let (received, sent) = self.session().bytes();
        self.instance.sightings.count(self.sighting, received, sent);
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        let mut notice = self.session().notice();
        let outcome = match notice.fate {
            Fate::Ended(end) => end.word(),
            Fate::Control => CONTROL,
            // The session did not end the connection. The server ended it to make room or to stop.
            Fate::Open | Fate::HalfOpen | Fate::HeldBack | Fate::Unanswered => {
                notice.fate = Fate::Ended(End::Refused);
                MADE_TO_LEAVE
            }
        };
        self.instance.sightings.update(self.sighting, notice);
        if outcome == CONTROL && self.known.get().is_some() {
            // The connection continues, and its `KnownControl` counts it.
            return;
        }
        let summary = self.session().summary();
        let metrics = &self.instance.metrics;
        if let Some(reason) = summary.refusal {
            metrics.refused(reason);
        }
        metrics.ended(summary.kind, outcome, summary.proved);
        if summary.proved {
            metrics.session(self.since_accept());
        } else {
            self.instance.stranger_log.ended(self.now(), outcome);
        }
        if let Some(greeter) = &summary.greeted {
            tracing::debug!(
                key = %greeter.key,
                kind = ?summary.kind,
                end = ?summary.end,
                received = summary.received,
                sent = summary.sent,
                "session ended"
            );
        }
    }
}

impl Drop for KnownControl {
    fn drop(&mut self) {
        self.instance.metrics.ended(None, CONTROL, true);
    }
}
