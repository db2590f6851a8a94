//! Plays one scenario: builds the network, starts the server, puts the fault in place, runs the client
//! and looks at what it says.

use anyhow::Context as _;

use super::network::Network;
use super::scenario::{Changes, PROFILE, State};
use super::{Family, Host, Scenario, Variant};
use crate::{EchoServer, Identity, Probe, Run, User};

/// After the run, with the fault still in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'s> {
    pub(super) run: &'s Run,
    pub(super) network: &'s Network,
    pub(super) identity: &'s Identity,
}

pub(super) fn play(
    scenario: &Scenario,
    record: &str,
    family: Family,
    variant: Variant,
) -> anyhow::Result<()> {
    let run = staged(scenario, family, variant, |scene| Ok(scene.run.clone()))?;
    super::record::keep(&run, record)?;
    let expectation = scenario.expectation(variant);
    expectation
        .check(&run, family)
        .with_context(|| expectation.why.clone())
}

/// Plays the scenario, and gives what `then` makes of it.
pub(super) fn staged<T>(
    scenario: &Scenario,
    family: Family,
    variant: Variant,
    then: impl FnOnce(Scene<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let network = Network::build()?;
    let cloud = network.place(Host::Cloud, User::Nobody);
    let identity = Identity::make(&cloud, &[&family.address(Host::Cloud).to_string()])?;
    let mut connection = identity.connection().clone();
    if scenario.echo.key_unknown {
        connection = connection.with_key_id("nobody")?;
    }
    let mut server = match scenario.echo.state {
        State::Stopped => None,
        State::Running | State::Frozen => Some(serve(scenario, &network, identity.clone())?),
    };
    let (mut tools, mut devices) = (Vec::new(), Vec::new());
    for tool in &scenario.tools {
        tools.push(tool.start(&network, family)?);
    }
    for device in &scenario.devices {
        devices.push(device.start(&network, family)?);
    }
    for host in Host::ALL {
        change(&network, host, scenario.changes(host), family)?;
    }
    variant.apply(&network, scenario, family)?;
    if let Some(server) = &mut server {
        server.grow_old()?;
        if scenario.echo.state == State::Frozen {
            server.freeze()?;
        }
    }
    let mut probe = Probe::with(connection)?
        .from(&network.place(Host::Client, User::Nobody))
        .patience(SILENCE)
        .args(&scenario.flags);
    if scenario.ports.is_empty() {
        probe = probe.arg(PROFILE);
    }
    for port in &scenario.ports {
        probe = probe.arg("--port").arg(port);
    }
    let run = probe.run()?;
    let made = then(Scene {
        run: &run,
        network: &network,
        identity: &identity,
    })?;
    if let Some(server) = server
        && scenario.echo.state == State::Running
    {
        server.stop()?;
    }
    Ok(made)
}

fn serve(scenario: &Scenario, network: &Network, identity: Identity) -> anyhow::Result<EchoServer> {
    let mut ports = scenario.ports_probed()?;
    ports.retain(|port| !scenario.echo.absent.contains(port));
    let file = identity.scratch().join("server.toml");
    let limits = scenario.echo.limits.join("\n");
    std::fs::write(
        &file,
        format!(
            "identity = {:?}\ninstance = \"echo\"\nports = {ports:?}\nwitness = {}\n[limits]\n{limits}\n",
            identity.directory(),
            scenario.echo.witness
        ),
    )?;
    let file = file.to_str().context("a temporary path in UTF-8")?;
    let mut place = network.place(Host::Cloud, User::Nobody);
    if scenario.echo.witness {
        place = place.with_packets();
    }
    EchoServer::start(&place, identity, &["--config", file])
}

fn change(network: &Network, host: Host, changes: &Changes, family: Family) -> anyhow::Result<()> {
    for setting in &changes.sysctl {
        network.run(host, "sysctl", ["-qw", &family.fill(setting)])?;
    }
    for words in &changes.ip {
        network.run(host, "ip", family.fill(words).split_whitespace())?;
    }
    for (chain, rules) in &changes.chains {
        let (table, declaration) = (chain.table_family(), chain.declaration());
        let name = format!("{chain:?}");
        let ruleset =
            format!("table {table} {name} {{\nchain {name} {{\n{declaration}\n{rules}\n}}\n}}\n");
        network.run(host, "nft", [family.fill(&ruleset).as_str()])?;
    }
    if let Some(ruleset) = &changes.nft {
        network.run(host, "nft", [family.fill(ruleset).as_str()])?;
    }
    for words in &changes.iptables {
        network.run(
            host,
            family.iptables(),
            family.fill(words).split_whitespace(),
        )?;
    }
    Ok(())
}

/// In seconds, until nothing more is expected.
const SILENCE: u8 = 8;
