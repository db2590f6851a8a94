//! One probe: connects, drives the session through its phases, and brings home what was measured,
//! however it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use probe_core::comparison::{SentName, Variation};
use probe_core::measurement::{Measurement, ProbedRule, Redial};
use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use probe_core::plan::Silence;
use probe_core::session::{ClientSession, Need, SessionParameters};
use probe_core::trail;
use proto::connection_string::Pin;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::RunClock;
use crate::connect::ConnectOptions;
use crate::destination::Destination;
use crate::key_store::ClientIdentity;
use crate::link::Link;
use crate::observe::Pending;
use crate::resolve::{Family, resolve};
use crate::tap::Tap;

mod drive;
mod handshake;
mod legacy;
mod minting;
pub(crate) mod opening;
mod patience;

use drive::{Stop, drive};

/// What all probes of a run share.
#[derive(Clone, Debug)]
pub(crate) struct ProbeContext {
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

impl ProbeContext {
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
            longest_session: LONGEST_SESSION.max(options.patience.saturating_mul(STEPS)),
            options,
            pins,
            client,
            cancelled,
            departure: Departure::default(),
            shaken: None,
        }
    }

    /// The same for one session that begins now, with the time and the TCP keep-alive that its `silence` asks for.
    fn for_session(&self, silence: Option<Silence>) -> Self {
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
                varied.options.patience = varied.options.patience.min(REACH_PATIENCE);
            }
        }
        varied
    }
}

/// One probe's own.
#[derive(Debug)]
pub(crate) struct ProbeTask {
    pub(crate) rule: ProbedRule,
    pub(crate) destination: Arc<Destination>,
    /// As dialled.
    pub(crate) port: u16,
    pub(crate) parameters: SessionParameters,
    pub(crate) silence: Option<Silence>,
}

impl ProbeContext {
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
            resolved = resolve(host, family, self.options.patience, self.clock) => resolved,
        }
    }
}

impl ProbeTask {
    /// Runs it to its end, or until the run is cancelled.
    pub(crate) async fn run(self, context: &ProbeContext) -> Measurement {
        let Self {
            rule,
            destination,
            port,
            mut parameters,
            silence,
        } = self;
        let context = &context.for_session(silence);
        let mut measurement = Measurement::begin(
            rule,
            destination.path(),
            destination.host.clone(),
            destination.socket(port),
        );
        measurement.silence = silence;
        measurement
            .observations
            .extend(destination.resolved.clone());
        let opened = destination.open(port, context).await;
        measurement.observations.extend(opened.observations);
        measurement.proxy = opened.proxy;
        measurement.redial = opened.redial;
        if opened.redial == Some(Redial::Unmarked) {
            parameters.hop_limit_mark = None;
        }
        if let Ok(link) = opened.link {
            measurement.local = link.tcp().local_addr().ok();
            // So early, all that was sent again is SYNs.
            let syns = socket_facts::tcp_facts(link.tcp()).unwrap_or_default();
            let first = Tap::new(link, opened.unread);
            converse(first, parameters, &destination, &mut measurement, context).await;
            if let Some(transport) = &mut measurement.transport {
                transport.syn_retransmissions = syns
                    .total_retransmissions
                    .filter(|_| destination.path().is_direct());
            }
        }
        minting::test(&mut measurement, &destination, context).await;
        measurement
    }
}

/// The session on an open connection, and on further ones where HTTP asks for them.
async fn converse(
    first: Tap<Link>,
    parameters: SessionParameters,
    destination: &Destination,
    measurement: &mut Measurement,
    context: &ProbeContext,
) {
    let port = measurement.port_dialled();
    let target = destination.shown(port);
    let (mut session, mut need) = match ClientSession::new(parameters, context.clock.now()) {
        Ok(begun) => begun,
        Err(invalid) => {
            let pending = Pending::start(context.clock, Operation::Preface, target);
            let failure =
                Failure::new(FailureKind::Other, Origin::ThisHost).with_text(invalid.to_string());
            measurement.observations.push(pending.failed(failure));
            return;
        }
    };
    let mut plain = first;
    let stop = loop {
        let stop = carry(plain, &mut session, need, measurement, context).await;
        let Stop::WantsConnection = &stop else {
            break stop;
        };
        let again = destination.open(port, context).await;
        match again.link {
            Err(failure) => break Stop::Failed(failure),
            Ok(link) => plain = Tap::new(link, again.unread),
        }
        need = session.reconnected(context.clock.now());
    };
    let report = session.report();
    let observed = trail::observations(
        &report.phases,
        &target,
        context.clock.now_us(),
        stop.failure(&report),
    );
    measurement.observations.extend(observed);
    measurement.session = Some(report);
}

/// One connection's part of the session.
async fn carry(
    mut plain: Tap<Link>,
    session: &mut ClientSession,
    need: Need,
    measurement: &mut Measurement,
    context: &ProbeContext,
) -> Stop {
    let stop = match need {
        Need::Io => drive(session, &mut plain, context).await,
        Need::StartTls(wanted) => Stop::WantsTls(wanted),
        Need::Reconnect => Stop::WantsConnection,
        Need::Finished => Stop::Finished,
        Need::Failed => Stop::Fault,
    };
    if let Stop::WantsTls(wanted) = stop {
        return match context.departure.hello {
            HelloSent::Small | HelloSent::Large => {
                handshake::through_tls(plain, wanted, session, measurement, context).await
            }
            HelloSent::Legacy => {
                legacy::offer(plain, wanted.leftover, session, measurement, context).await
            }
        };
    }
    measurement.transport = Some(handshake::transport_facts(&plain));
    stop
}

fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, Origin::ThisHost)
}

/// A session of which something still moves: on a slow line all of them, and what follows, have to end within a
/// minute.
const LONGEST_SESSION: Duration = Duration::from_secs(20);

/// Whoever waits longer at each step waits longer for all of them.
const STEPS: u32 = 5;

/// The bytes are sent some three times until then, and a router's answer is there after a round trip.
const REACH_PATIENCE: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_that_is_ended_waits_for_no_resolver() {
        let cancelled = CancellationToken::new();
        let options = ConnectOptions::ordinary(None, Duration::MAX);
        let context = ProbeContext::ordinary(options, Vec::new(), None, cancelled.clone());
        cancelled.cancel();
        let (addresses, observation) = context.resolve("nonexistent.invalid", Family::Both).await;
        assert_eq!(addresses, Vec::<IpAddr>::new());
        let kind = observation.failure.map(|failure| failure.kind);
        assert_eq!(kind, Some(FailureKind::Interrupted));
    }
}
