//! `fwprobe demo`: a full run against its own echo server on loopback, with two deliberate faults. A newcomer sees
//! successes and explained failures without any set-up.

use anyhow::Context as _;
use probe_core::catalogue::VerdictId;
use probe_core::labels::Labels;
use probe_core::path::NetworkPath;
use probe_core::plan::{Plan, PortMap};
use probe_core::profile::{Port, Profile};
use probe_documents::RunDocument;
use probe_report::folding;
use tokio_util::sync::CancellationToken;

use super::delivery::Delivery;
use super::run::{measure, on_network};
use crate::arguments::{Colour, DemoArguments};
use crate::config::Config;
use crate::progress::Screen;
use crate::proxy::ProxyAccess;
use crate::resolve::Family;
use crate::terminal;

mod relay;
mod stage;

use stage::Stage;

pub(super) fn execute(arguments: &DemoArguments, colour: Colour) -> anyhow::Result<u8> {
    let delivery = Delivery::open(&arguments.reports, &[])?;
    let talk = delivery.prints_table();
    let document = on_network(perform(talk, delivery.screen(colour)))??;
    delivery.deliver(&document, colour)?;
    let wrong = untrue(&document);
    if wrong.is_empty() {
        if talk {
            terminal::print(CONCLUSION)?;
        }
        return Ok(0);
    }
    for line in wrong {
        terminal::tell(&format!("error: {line}"));
    }
    Ok(1)
}

/// Sets up the stage, runs the probes, and takes everything down again.
async fn perform(talk: bool, screen: Option<Screen>) -> anyhow::Result<RunDocument> {
    let profile = Profile::lookup(PROFILE)?;
    let ports: Vec<Port> = profile.rules.iter().map(|rule| rule.port).collect();
    let stopped = CancellationToken::new();
    let stage = Stage::set(&ports, stopped.clone()).await?;
    if talk {
        terminal::print(&introduction(&stage))?;
    }
    let config = config(profile, &stage)?;
    let document = measure(&config, screen).await?;
    stopped.cancel();
    stage.over().await;
    Ok(document)
}

fn config(profile: &Profile, stage: &Stage) -> anyhow::Result<Config> {
    let hosts = vec!["127.0.0.1".to_owned()];
    let paths = vec![NetworkPath::Direct];
    let maps: PortMap = stage.ports.iter().copied().collect();
    let control_port = Port::new(stage.control_port).context("the control port")?;
    Ok(Config {
        connection: stage.connection.clone(),
        plan: Plan::new(
            Some(profile),
            &profile.rules,
            hosts,
            paths,
            &maps,
            control_port,
        ),
        family: Family::V4,
        bind: None,
        idle_timeout: std::time::Duration::from_secs(4),
        flows: Some(1),
        quick: false,
        proxies: ProxyAccess::default(),
        client: None,
        labels: Labels::default(),
        start_jitter: None,
    })
}

/// Returns a line for each verdict that differs from the one that the stage was set up for.
fn untrue(document: &RunDocument) -> Vec<String> {
    let mut wrong = Vec::new();
    for probe in &document.probes {
        let port = probe.measurement.rule.port.get();
        let expected = match port {
            SHUT => VerdictId::NotListening,
            ALTERED => VerdictId::PayloadAltered,
            _ => VerdictId::Reachable,
        };
        if probe.verdict.id != expected {
            wrong.push(format!(
                "port {port} is {expected}, but the verdict is {}: {}",
                probe.verdict.id, probe.verdict.claim
            ));
        }
    }
    wrong
}

fn introduction(stage: &Stage) -> String {
    let mapped: Vec<String> = stage
        .ports
        .iter()
        .map(|(rule, dialled)| format!("{rule}={dialled}"))
        .collect();
    let mapped = textwrap::fill(
        &mapped.join("  "),
        folding(78).initial_indent("    ").subsequent_indent("    "),
    );
    format!(
        "An echo server now runs inside this process, on loopback only. Each of the\n\
         seven ports of {PROFILE} is mapped to a free port:\n{mapped}\n\
         Two faults are made on purpose: port {SHUT} is shut, and port {ALTERED} goes through a\n\
         small relay that flips one bit. Everything else should be reachable.\n\n"
    )
}

const PROFILE: &str = "hpc-2008r2-sp1";

/// The rule's port on which nothing listens.
const SHUT: u16 = 7998;

/// The rule's port that goes through the relay. It is the only port of the profile without TLS, so the flipped bit
/// shows as an alteration and not as a failed handshake.
const ALTERED: u16 = 80;

const CONCLUSION: &str = "\
The two failures are the ones made on purpose, and their causes are right.

For real: `fwprobe-echo identity new` and `fwprobe-echo serve` on a host in the
cloud, then `fwprobe run hpc-2008r2-sp1 --connection-file FILE` here.
";
