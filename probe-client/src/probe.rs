//! One probe: connects, drives the session through its phases, and brings home what was measured,
//! however it ends.

use std::sync::Arc;

use probe_core::measurement::{Measurement, ProbedRule};
use probe_core::observation::{Failure, FailureKind, Operation, Origin};
use probe_core::session::{ClientSession, Need, SessionParameters};
use probe_core::trail;
use proto::connection_string::Pin;
use tokio_util::sync::CancellationToken;

use crate::clock::RunClock;
use crate::connect::ConnectOptions;
use crate::destination::Destination;
use crate::key_store::ClientIdentity;
use crate::link::Link;
use crate::observe::Pending;
use crate::tap::Tap;

mod drive;
mod handshake;
mod minting;

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
}

/// One probe's own.
#[derive(Debug)]
pub(crate) struct ProbeTask {
    pub(crate) rule: ProbedRule,
    pub(crate) destination: Arc<Destination>,
    /// As dialled.
    pub(crate) port: u16,
    pub(crate) parameters: SessionParameters,
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
}

impl ProbeTask {
    /// Runs it to its end, or until the run is cancelled.
    pub(crate) async fn run(self, context: &ProbeContext) -> Measurement {
        let Self {
            rule,
            destination,
            port,
            parameters,
        } = self;
        let mut measurement = Measurement::begin(
            rule,
            destination.path(),
            destination.host.clone(),
            destination.socket(port),
        );
        measurement
            .observations
            .extend(destination.resolved.clone());
        let opened = destination.open(port, context).await;
        measurement.observations.extend(opened.observations);
        measurement.proxy = opened.proxy;
        if let Ok(link) = opened.link {
            measurement.local = link.tcp().local_addr().ok();
            let first = Tap::new(link, opened.unread);
            converse(first, parameters, &destination, &mut measurement, context).await;
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
        return handshake::through_tls(plain, wanted, session, measurement, context).await;
    }
    measurement.transport = Some(handshake::transport_facts(&plain));
    stop
}

fn interrupted() -> Failure {
    Failure::new(FailureKind::Interrupted, Origin::ThisHost)
}
