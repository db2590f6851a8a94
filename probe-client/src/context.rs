//! The things that all probes of a run share: clock, options, pins, and how a session differs from an ordinary one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use probe_core::measurement::{SentName, Variation};
use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use probe_core::plan::Silence;
use proto::connection_string::Pin;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::RunClock;
use crate::connect::ConnectOptions;
use crate::key_store::ClientIdentity;
use crate::observe::Pending;
use crate::resolve::{Family, resolve};

/// State that all probes of a run share.
#[derive(Clone, Debug)]
pub(crate) struct RunContext {
    pub(crate) clock: RunClock,
    pub(crate) options: ConnectOptions,
    pub(crate) pins: Vec<Pin>,
    /// The client certificate, which every probe with TLS presents.
    pub(crate) client: Option<ClientIdentity>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) varied_hello: HelloVariation,
    /// The current session's deadline, which holds even while bytes still arrive; set when the session begins.
    pub(crate) session_ends: Instant,
    /// The longest time that one session may last.
    pub(crate) longest_session: Duration,
    /// Notified once the TLS handshake has succeeded; `None` if nothing waits for it.
    pub(crate) shaken: Option<Arc<Notify>>,
}

/// The respects in which a varied session's ClientHello differs from the ordinary one of its kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HelloVariation {
    /// The server name in the ClientHello; `None` leaves it as the session kind has it.
    pub(crate) name: Option<SentName>,
    pub(crate) hello: HelloSent,
}

/// The ClientHello that is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum HelloSent {
    /// A modern ClientHello that fits one segment.
    #[default]
    Small,
    /// A ClientHello with a post-quantum key share; the session ends with the handshake.
    Large,
    /// A TLS 1.0 ClientHello without a name; the session ends with the server's alert.
    Legacy,
}

impl RunContext {
    /// Returns the context of sessions that behave as the application's do. The run's clock starts now.
    pub(crate) fn ordinary(
        options: ConnectOptions,
        pins: Vec<Pin>,
        client: Option<ClientIdentity>,
        cancelled: CancellationToken,
    ) -> Self {
        Self {
            clock: RunClock::start(),
            session_ends: Instant::now(),
            longest_session: LONGEST_SESSION.max(options.idle_timeout.saturating_mul(STEPS)),
            options,
            pins,
            client,
            cancelled,
            varied_hello: HelloVariation::default(),
            shaken: None,
        }
    }

    /// Returns a copy of this context for one session that begins now, with the time and the TCP keep-alive that its
    /// `silence` asks for.
    pub(crate) fn for_session(&self, silence: Option<Silence>) -> Self {
        let mut context = self.clone();
        let on_purpose = silence.map_or(0, |s| s.seconds.into());
        let lasts = self.longest_session + Duration::from_secs(on_purpose);
        context.session_ends = Instant::now() + lasts;
        context.options.keep_alive = silence
            .and_then(|s| s.keep_alive_seconds)
            .map(|seconds| Duration::from_secs(seconds.into()));
        context
    }

    /// Returns a copy of this context with `variation` applied.
    pub(crate) fn varied(&self, variation: Variation) -> Self {
        let mut varied = self.clone();
        match variation {
            // The session's parameters hold the session kind, not this context.
            Variation::InNothing
            | Variation::InSilence
            | Variation::InShape { .. }
            | Variation::InPace { .. } => {}
            Variation::InServerName { sent } => varied.varied_hello.name = Some(sent),
            Variation::InSegmentSize { at_most } => varied.options.max_segment = Some(at_most),
            Variation::InHelloSize => varied.varied_hello.hello = HelloSent::Large,
            Variation::InHelloAge => varied.varied_hello.hello = HelloSent::Legacy,
            Variation::InReach { hops } => {
                varied.options.reach = Some(hops);
                varied.options.idle_timeout = varied.options.idle_timeout.min(REACH_TIMEOUT);
            }
        }
        varied
    }
}

impl RunContext {
    /// Returns the result of `operation`, or the failure `interrupted` if the run is cancelled first.
    pub(crate) async fn unless_cancelled<T>(
        &self,
        operation: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = operation => done,
            () = self.cancelled.cancelled() => Err(self.interrupted()),
        }
    }

    pub(crate) fn interrupted(&self) -> Failure {
        interrupted()
    }

    /// Resolves `host`, unless the run is cancelled first: a resolver that does not answer takes long to fail.
    pub(crate) async fn resolve(&self, host: &str, family: Family) -> (Vec<IpAddr>, Observation) {
        let pending = Pending::start(self.clock, Operation::Resolve, host);
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => (Vec::new(), pending.failed(interrupted())),
            resolved = resolve(host, family, self.options.idle_timeout, self.clock) => resolved,
        }
    }
}

pub(crate) fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, Origin::ThisHost)
}

/// The time limit of a session in which bytes still arrive. On a slow line all sessions, and what follows them, have to
/// end within a minute.
const LONGEST_SESSION: Duration = Duration::from_secs(20);

/// Number of steps in a session: a longer timeout for each step allows a longer session.
const STEPS: u32 = 5;

/// Idle timeout of hop-limited sessions: the bytes are sent about three times until then, and a router's answer arrives
/// after one round trip.
const REACH_TIMEOUT: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_that_is_ended_waits_for_no_resolver() {
        let cancelled = CancellationToken::new();
        let options = ConnectOptions::ordinary(None, Duration::MAX);
        let context = RunContext::ordinary(options, Vec::new(), None, cancelled.clone());
        cancelled.cancel();
        let (addresses, observation) = context.resolve("nonexistent.invalid", Family::Both).await;
        assert_eq!(addresses, Vec::<IpAddr>::new());
        let kind = observation.failure.map(|failure| failure.kind);
        assert_eq!(kind, Some(FailureKind::Interrupted));
    }
}
