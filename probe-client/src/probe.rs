//! Runs one probe: connects, carries the session through its phases, and returns the measurement, however it ends.

use std::sync::Arc;

use probe_core::measurement::{Measurement, ProbedRule, Redial};
use probe_core::observation::{Failure, FailureKind, Operation, Origin};
use probe_core::plan::Silence;
use probe_core::session::{ClientSession, Need, SessionParameters};
use probe_core::timeline;

use crate::context::{HelloSent, RunContext};
use crate::destination::Destination;
use crate::link::Link;
use crate::observe::Pending;
use crate::tap::Tap;

mod drive;
mod forging_test;
mod handshake;
mod idle_timeout;
mod legacy;
pub(crate) mod opening;

use drive::{Stop, drive};

/// The state that belongs to one probe alone.
#[derive(Debug)]
pub(crate) struct ProbeTask {
    pub(crate) rule: ProbedRule,
    pub(crate) destination: Arc<Destination>,
    /// The port dialled.
    pub(crate) port: u16,
    pub(crate) parameters: SessionParameters,
    pub(crate) silence: Option<Silence>,
}

impl ProbeTask {
    /// Runs the probe to its end, or until the run is cancelled.
    pub(crate) async fn run(self, context: &RunContext) -> Measurement {
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
            // This early, the only retransmissions are SYNs.
            let syns = socket_facts::tcp_facts(link.tcp()).unwrap_or_default();
            let first = Tap::new(link, opened.unread);
            converse(first, parameters, &destination, &mut measurement, context).await;
            if let Some(transport) = &mut measurement.transport {
                transport.syn_retransmissions = syns
                    .total_retransmissions
                    .filter(|_| destination.path().is_direct());
            }
        }
        forging_test::test(&mut measurement, &destination, context).await;
        measurement
    }
}

/// Runs the session on an open connection, and on further ones if HTTP asks for them.
async fn converse(
    first: Tap<Link>,
    parameters: SessionParameters,
    destination: &Destination,
    measurement: &mut Measurement,
    context: &RunContext,
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
    let observed = timeline::observations(
        &report.phases,
        &target,
        context.clock.now_us(),
        stop.failure(&report),
    );
    measurement.observations.extend(observed);
    measurement.session = Some(report);
}

/// Runs the part of the session that belongs to one connection.
async fn carry(
    mut plain: Tap<Link>,
    session: &mut ClientSession,
    need: Need,
    measurement: &mut Measurement,
    context: &RunContext,
) -> Stop {
    let stop = match need {
        Need::Io => drive(session, &mut plain, context).await,
        Need::StartTls(wanted) => Stop::WantsTls(wanted),
        Need::Reconnect => Stop::WantsConnection,
        Need::Finished => Stop::Finished,
        Need::Failed => Stop::Fault,
    };
    if let Stop::WantsTls(wanted) = stop {
        return match context.varied_hello.hello {
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
