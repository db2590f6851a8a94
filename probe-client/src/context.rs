//! What every probe of a run shares: clock, options, pins, and how a session departs from the ordinary one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use probe_core::comparison::{SentName, Variation};
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

/// What all probes of a run share.
#[derive(Clone, Debug)]
pub(crate) struct RunContext {
    pub(crate) clock: RunClock,
    pub(crate) options: ConnectOptions,
    pub(crate) pins: Vec<Pin>,
    /// Presented by every probe with TLS.
    pub(crate) client: Option<ClientIdentity>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) departure: Departure,
    /// When one session ends at the latest, whatever moves; set when it begins.
    pub(crate) session_ends: Instant,
    /// How long it may last.
    pub(crate) longest_session: Duration,
    /// Told once TLS stands; absent where nobody waits for it.
    pub(crate) shaken: Option<Arc<Notify>>,
}

/// In what a session departs from the ordinary one of its kind, for comparison.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Departure {
    /// The server name in the ClientHello; absent: as the kind has it.
    pub(crate) name: Option<SentName>,
    pub(crate) hello: HelloSent,
}

/// Which ClientHello is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum HelloSent {
    /// A modern one that fits one segment.
    #[default]
    Small,
    /// With a post-quantum key share; the session ends with the handshake.
    Large,
    /// TLS 1.0 without a name; the session ends with the server's alert.
    Legacy,
}

impl RunContext {
    /// For sessions that differ in nothing from the application's. The run's clock starts now.
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
            departure: Departure::default(),
            shaken: None,
        }
    }

    /// The same for one session that begins now, with the time and the TCP keep-alive that its `silence` asks for.
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

    /// The same for a session that differs by `variation`.
    pub(crate) fn varied(&self, variation: Variation) -> Self {
        let mut varied = self.clone();
        match variation {
            // The session kind is the parameters' business.
            Variation::InNothing
            | Variation::InSilence
            | Variation::InShape { .. }
            | Variation::InPace { .. } => {}
            Variation::InServerName { sent } => varied.departure.name = Some(sent),
            Variation::InSegmentSize { at_most } => varied.options.max_segment = Some(at_most),
            Variation::InHelloSize => varied.departure.hello = HelloSent::Large,
            Variation::InHelloAge => varied.departure.hello = HelloSent::Legacy,
            Variation::InReach { hops } => {
                varied.options.reach = Some(hops);
                varied.options.idle_timeout = varied.options.idle_timeout.min(REACH_TIMEOUT);
            }
        }
        varied
    }
}

impl RunContext {
    /// What `operation` comes to, unless the run is ended before.
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

    /// The addresses of `host`, unless the run is ended before: a resolver that does not answer takes long to fail.
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

/// A session of which something still moves: on a slow line all of them, and what follows, have to end within a
/// minute.
const LONGEST_SESSION: Duration = Duration::from_secs(20);

/// Whoever waits longer at each step waits longer for all of them.
const STEPS: u32 = 5;

/// The bytes are sent some three times until then, and a router's answer is there after a round trip.
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
