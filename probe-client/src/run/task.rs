//! Makes a runnable probe from a planned one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use probe_core::measurement::{Measurement, ProbedRule};
use probe_core::observation::Observation;
use probe_core::path::NetworkPath;
use probe_core::plan::PlannedProbe;
use probe_core::profile::NettcpMode;
use probe_core::session::{NetTcpService, SessionParameters, Stage};
use probe_core::session_kind::SessionKind;
use proto::limits::{DEFAULT_STAGES, HOP_LIMIT_MARK};

use super::Run;
use crate::destination::Destination;
use crate::probe::ProbeTask;

/// Returns the task that probes `destination` as `planned`.
pub(super) fn of(run: &Run, planned: &PlannedProbe, destination: &Arc<Destination>) -> ProbeTask {
    let host = &destination.host;
    let rule = rule(planned, &destination.path(), host, destination.address);
    let connection = &run.config.connection;
    ProbeTask {
        destination: Arc::clone(destination),
        port: planned.dialled.get(),
        parameters: SessionParameters {
            kind: planned.session,
            key_id: connection.key_id.clone(),
            secret: connection.secret.clone(),
            run_id: run.run_id,
            session_id: rand::random(),
            nonces: Box::new(rand::random),
            port_dialled: planned.dialled.get(),
            path_text: destination.path().to_string(),
            host: host.clone(),
            net_tcp: rule.via_uri.clone().map(|via| NetTcpService {
                via,
                mode: planned.rule.nettcp_mode.unwrap_or(NettcpMode::Duplex),
            }),
            cookie: format!("fw{:08x}", rand::random::<u32>()),
            // A proxy opens its own connection, which would not have the mark.
            hop_limit_mark: destination.path().is_direct().then_some(HOP_LIMIT_MARK),
            hold: planned
                .silence
                .map(|s| Duration::from_secs(s.seconds.into())),
            stages: DEFAULT_STAGES.map(Stage::both).to_vec(),
            wall_unix_ms: run.context.clock.unix_ms(0),
        },
        rule,
        silence: planned.silence,
    }
}

/// Returns the measurement of a probe whose server has no address.
pub(super) fn unresolved(
    planned: &PlannedProbe,
    path: &NetworkPath,
    host: &str,
    observation: &Observation,
) -> Measurement {
    let rule = ProbedRule {
        // Nothing was sent.
        via_uri: None,
        ..rule(planned, path, host, None)
    };
    Measurement {
        silence: planned.silence,
        observations: vec![observation.clone()],
        ..Measurement::begin(rule, path.clone(), host.to_owned(), None)
    }
}

fn rule(
    planned: &PlannedProbe,
    path: &NetworkPath,
    host: &str,
    address: Option<IpAddr>,
) -> ProbedRule {
    let rule = &planned.rule;
    let via = match (planned.session, &rule.via_uri) {
        (SessionKind::Nettcp, Some(template)) => {
            Some(template.render(host, address, planned.dialled))
        }
        _ => None,
    };
    ProbedRule {
        id: rule.id.clone(),
        port: rule.port,
        session: planned.session,
        via_uri: via,
        purpose: rule.purpose.clone(),
        direction: rule.direction,
        expect: rule.expected(path, address),
        destination: rule.destination.clone(),
    }
}
