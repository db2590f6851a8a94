//! The reference probe: a session to the control port, which belongs to no rule, for comparison with ports that do.

use std::sync::Arc;

use probe_core::control_record::CONTROL_PORT_RULE;
use probe_core::measurement::Measurement;
use probe_core::plan::PlannedProbe;
use probe_core::profile::{Direction, Expectation, Port, Rule, Sourcing, Transport};
use probe_core::session_kind::SessionKind;

use tokio_util::sync::CancellationToken;

use super::{Run, task};
use crate::context::RunContext;
use crate::destination::Destination;

/// Probes the control port of `destination` in the same way as any TLS service, until `ended` is cancelled because no
/// other probe needs the comparison.
pub(super) async fn measure(
    run: &Run,
    destination: &Arc<Destination>,
    ended: CancellationToken,
) -> Measurement {
    let task = task::of(run, &planned(run), destination);
    let context = RunContext {
        cancelled: ended,
        ..run.context.clone()
    };
    task.run(&context).await
}

/// Returns an empty measurement of the control port: nothing was measured.
pub(super) fn not_measured(run: &Run, destination: &Arc<Destination>) -> Measurement {
    let rule = task::of(run, &planned(run), destination).rule;
    Measurement::begin(rule, destination.path(), destination.host.clone(), None)
}

/// Returns the port that is dialled for the control port, which differs if the port is mapped.
pub(super) fn dialled(run: &Run) -> u16 {
    run.config.plan.control_port.get()
}

fn planned(run: &Run) -> PlannedProbe {
    let dialled = run.config.plan.control_port;
    let port = Port::new(run.config.connection.control_port).unwrap_or(dialled);
    PlannedProbe {
        silence: None,
        rule: Rule {
            id: CONTROL_PORT_RULE
                .parse()
                .expect("a constant that is a rule id"),
            port,
            transport: Transport::Tcp,
            session: Some(SessionKind::Tls),
            via_uri: None,
            nettcp_mode: None,
            legacy_hello: false,
            purpose: "reference port (not part of the profile)".to_owned(),
            direction: Direction::Outbound,
            expect: Expectation::Open,
            expect_where: Vec::new(),
            required: false,
            destination: None,
            source: "fwprobe".to_owned(),
            source_date: None,
            sourcing: Sourcing::Verified,
        },
        session: SessionKind::Tls,
        dialled,
    }
}
