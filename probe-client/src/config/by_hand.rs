//! Makes rules from `--port N[/KIND]`.

use probe_core::plan::GIVEN_BY_HAND;
use probe_core::profile::{
    Direction, Expectation, NettcpMode, Port, Rule, RuleId, Sourcing, Transport, ViaTemplate,
};
use probe_core::session_kind::SessionKind;

/// Returns the rule for one argument.
///
/// # Errors
///
/// The defect of the argument, and the right form.
pub(super) fn rule(text: &str) -> Result<Rule, String> {
    let wrong = |what: &dyn std::fmt::Display| format!("--port {text}: {what}");
    let (port, kind) = match text.split_once('/') {
        Some((port, kind)) => (port, Some(kind)),
        None => (text, None),
    };
    let port: Port = port
        .parse()
        .map_err(|_| wrong(&"expected a port from 1 to 65535, as in 443 or 443/https"))?;
    let session = match kind {
        Some(kind) => kind.parse().map_err(|error| wrong(&error))?,
        None => usual_kind(port.get()),
    };
    let id: RuleId = format!("port-{port}-{session}")
        .parse()
        .map_err(|error| wrong(&error))?;
    let net_tcp = session == SessionKind::Nettcp;
    let via_uri = match net_tcp.then(|| usual_via(port.get()).parse::<ViaTemplate>()) {
        Some(via) => Some(via.map_err(|error| wrong(&error))?),
        None => None,
    };
    Ok(Rule {
        id,
        port,
        transport: Transport::Tcp,
        session: Some(session),
        via_uri,
        nettcp_mode: net_tcp.then_some(NettcpMode::Duplex),
        legacy_hello: false,
        purpose: GIVEN_BY_HAND.to_owned(),
        direction: Direction::Outbound,
        expect: Expectation::Open,
        expect_where: Vec::new(),
        required: true,
        destination: None,
        source: "the command line".to_owned(),
        source_date: None,
        sourcing: Sourcing::Verified,
    })
}

/// Returns the usual session kind of a port, if the user names none.
fn usual_kind(port: u16) -> SessionKind {
    match port {
        80 => SessionKind::Http,
        443 => SessionKind::Https,
        3389 => SessionKind::Rdp,
        5901 | 5902 | 7998 | 7999 => SessionKind::Nettcp,
        _ => SessionKind::Tcp,
    }
}

fn usual_via(port: u16) -> &'static str {
    match port {
        5901 => "net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.BrokerProxy",
        5902 => "net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.ProxyControl",
        7998 => "net.tcp://{address}:{port}/Microsoft.Hpc.Azure.Endpoint.FileStaging",
        _ => "net.tcp://{host}:{port}/Microsoft.Hpc.Azure.Endpoint.JobManager",
    }
}
