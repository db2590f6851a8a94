//! One probe: connects, drives the session through its phases, and brings home what was measured,
//! however it ends.

use std::net::SocketAddr;

use probe_core::measurement::{Measurement, ProbedRule};
use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use probe_core::session::{ClientSession, Need, SessionParameters};
use probe_core::trail;
use proto::connection_string::Pin;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::clock::RunClock;
use crate::connect::{ConnectOptions, connect};
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
    pub(crate) cancelled: CancellationToken,
}

/// One probe's own.
#[derive(Debug)]
pub(crate) struct ProbeTask {
    pub(crate) rule: ProbedRule,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
    pub(crate) parameters: SessionParameters,
    /// How the address was come by.
    pub(crate) resolved: Observation,
}

impl ProbeTask {
    /// Runs it to its end, or until the run is cancelled.
    pub(crate) async fn run(self, context: &ProbeContext) -> Measurement {
        let mut measurement = Measurement {
            rule: self.rule,
            path: self.path,
            host: self.host,
            address: Some(self.address),
            local: None,
            observations: vec![self.resolved],
            session: None,
            certificate: None,
            minting: None,
            transport: None,
            sighting: None,
        };
        let target = self.address.to_string();
        let pending = Pending::start(context.clock, Operation::Connect, target.as_str());
        let connected = tokio::select! {
            connected = connect(self.address, &context.options) => connected,
            () = context.cancelled.cancelled() => Err(interrupted()),
        };
        match connected {
            Err(failure) => measurement.observations.push(pending.failed(failure)),
            Ok(tcp) => {
                measurement.observations.push(pending.succeeded());
                measurement.local = tcp.local_addr().ok();
                converse(tcp, self.parameters, &mut measurement, context).await;
            }
        }
        minting::test(&mut measurement, context).await;
        measurement
    }
}

/// The session on an open connection, and on further ones where HTTP asks for them.
async fn converse(
    tcp: TcpStream,
    parameters: SessionParameters,
    measurement: &mut Measurement,
    context: &ProbeContext,
) {
    let target = measurement
        .address
        .map_or_else(String::new, |a| a.to_string());
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
    let mut tcp = tcp;
    let stop = loop {
        let stop = carry(tcp, &mut session, need, measurement, context).await;
        let (Stop::WantsConnection, Some(address)) = (&stop, measurement.address) else {
            break stop;
        };
        match connect(address, &context.options).await {
            Err(failure) => break Stop::Failed(failure),
            Ok(again) => tcp = again,
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
    tcp: TcpStream,
    session: &mut ClientSession,
    need: Need,
    measurement: &mut Measurement,
    context: &ProbeContext,
) -> Stop {
    let mut plain = Tap::new(tcp);
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
