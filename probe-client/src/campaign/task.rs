//! From a planned probe to one that can be run.

use std::net::{IpAddr, SocketAddr};

use probe_core::measurement::{Measurement, ProbedRule};
use probe_core::observation::Observation;
use probe_core::plan::PlannedProbe;
use probe_core::profile::NettcpMode;
use probe_core::session::{NetTcpService, SessionParameters, Stage};
use probe_core::session_kind::SessionKind;
use proto::limits::DEFAULT_STAGES;

use super::Campaign;
use crate::connect::HOP_LIMIT_MARK;
use crate::probe::ProbeTask;

/// The probe of `planned` to `address`.
pub(super) fn of(
    campaign: &Campaign,
    planned: &PlannedProbe,
    host: &str,
    address: IpAddr,
    resolved: Observation,
) -> ProbeTask {
    let rule = rule(planned, host, Some(address));
    let connection = &campaign.config.connection;
    ProbeTask {
        path: DIRECT.to_owned(),
        host: host.to_owned(),
        address: SocketAddr::new(address, planned.dialled.get()),
        parameters: SessionParameters {
            kind: planned.session,
            key_id: connection.key_id.clone(),
            secret: connection.secret.clone(),
            run_id: campaign.run_id,
            session_id: rand::random(),
            nonces: Box::new(rand::random),
            port_dialled: planned.dialled.get(),
            path_text: DIRECT.to_owned(),
            host: host.to_owned(),
            net_tcp: rule.via_uri.clone().map(|via| NetTcpService {
                via,
                mode: planned.rule.nettcp_mode.unwrap_or(NettcpMode::Duplex),
            }),
            cookie: format!("fw{:08x}", rand::random::<u32>()),
            hop_limit_mark: Some(HOP_LIMIT_MARK),
            hold: None,
            stages: DEFAULT_STAGES.map(Stage::both).to_vec(),
            wall_unix_ms: campaign.wall_unix_ms,
        },
        rule,
        resolved,
    }
}

/// The measurement of a probe whose server has no address.
pub(super) fn unresolved(
    planned: &PlannedProbe,
    host: &str,
    observation: &Observation,
) -> Measurement {
    Measurement {
        rule: rule(planned, host, None),
        path: DIRECT.to_owned(),
        host: host.to_owned(),
        address: None,
        local: None,
        observations: vec![observation.clone()],
        session: None,
        certificate: None,
        minting: None,
        transport: None,
        sighting: None,
    }
}

fn rule(planned: &PlannedProbe, host: &str, address: Option<IpAddr>) -> ProbedRule {
    let rule = &planned.rule;
    let via = match (planned.session, &rule.via_uri, address) {
        (SessionKind::Nettcp, Some(template), Some(address)) => {
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
        expect: rule.expect,
        destination: rule.destination.clone(),
    }
}

const DIRECT: &str = "direct";
