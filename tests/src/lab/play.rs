//! Plays one scenario: builds the network, starts the server, puts the fault in place, runs the client, and checks the
//! result.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::network::Network;
use super::scenario::{Changes, Command, PROFILE, State};
use super::tool::Running;
use super::{Family, Host, Scenario, Variant, bare};
use crate::flights::Turn;
use crate::{Connection, EchoServer, Identity, Place, Probe, Run, User};

/// The lab after the run, with the fault still in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'s> {
    pub(super) run: &'s Run,
    /// The client's time, from its start to its end.
    pub(super) took: Duration,
    pub(super) network: &'s Network,
    pub(super) identity: &'s Identity,
}

/// Plays a scenario and checks the result. Keeps the run as the replay record `record`, if a name is given and
/// [recording](super::record) is on.
pub(super) fn play(
    scenario: &Scenario,
    record: Option<&str>,
    family: Family,
    variant: Variant,
) -> anyhow::Result<()> {
    let idle_timeout = Some(SILENCE);
    let run = staged(scenario, family, variant, idle_timeout, |scene| {
        Ok(scene.run.clone())
    })?;
    if let Some(record) = record {
        super::record::keep(&run, record)?;
    }
    let expectation = scenario.expectation(variant);
    expectation
        .check(&run, family)
        .with_context(|| expectation.why.clone())
}

/// A run, and how long it took.
#[derive(Debug)]
pub struct Timed {
    pub run: Run,
    /// The time from the client's start to its end.
    pub took: Duration,
    /// The time that a bare client took after the run for the round trips of one session over the same path; `None` if
    /// it was not measured.
    pub floor: Option<Duration>,
}

/// Plays the scenario in `file` with the client's default idle timeout, and times it. If `turns` is given, a bare
/// client takes these turns afterwards, and is timed too.
///
/// # Errors
/// Fails if the file is not a scenario or cannot be played, or if the bare client does not get through.
pub fn timed(file: &Path, family: Family, turns: Option<&[Turn]>) -> anyhow::Result<Timed> {
    let scenario = Scenario::read(file)?;
    staged(&scenario, family, Variant::Default, None, |scene| {
        Ok(Timed {
            run: scene.run.clone(),
            took: scene.took,
            floor: turns
                .map(|turns| bare::play(scene.network, family, turns))
                .transpose()?,
        })
    })
}

/// Plays `scenario` with the client's default idle timeout, then runs `peer`, a command on the client's host, and times
/// both. Words in angle brackets stand for addresses.
///
/// # Errors
/// Fails if the scenario cannot be played, or if `peer` fails.
pub fn timed_with_peer(
    scenario: &Scenario,
    family: Family,
    peer: &str,
) -> anyhow::Result<(Timed, Duration)> {
    staged(scenario, family, Variant::Default, None, |scene| {
        let words = family.fill(peer);
        let mut words = words.split_whitespace();
        let program = words.next().context("a command")?;
        let began = Instant::now();
        scene.network.run(Host::Client, program, words)?;
        let of_peer = began.elapsed();
        let timed = Timed {
            run: scene.run.clone(),
            took: scene.took,
            floor: None,
        };
        Ok((timed, of_peer))
    })
}

/// Plays the scenario, and returns the result of `then`. `idle_timeout` is that of the client, in seconds; `None` for
/// its default.
pub(super) fn staged<T>(
    scenario: &Scenario,
    family: Family,
    variant: Variant,
    idle_timeout: Option<u8>,
    then: impl FnOnce(Scene<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let network = Network::build()?;
    for host in Host::ALL {
        set(&network, host, scenario.changes(host), family)?;
    }
    let cloud = network.place(Host::Cloud, User::Nobody);
    let address = family.address(Host::Cloud).to_string();
    let identity = Identity::make(&cloud, &[scenario.name.as_ref().unwrap_or(&address)])?;
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
    put_in_the_way(scenario, &network, family, variant)?;
    if let Some(server) = &mut server {
        server.grow_old()?;
        if scenario.echo.state == State::Frozen {
            server.freeze()?;
        }
    }
    for device in &scenario.devices {
        devices.push(device.start(&network, family, &connection)?);
    }
    let client = client(scenario, &network, &identity, family)?;
    let probe = || probe(scenario, family, &connection, &client, &tools);
    if scenario.rehearsed {
        probe()?.run()?;
        for (host, changes) in &scenario.after_rehearsal {
            change(&network, *host, changes, family)?;
        }
    }
    let prepared = probe()?;
    let run = || take_time(prepared, idle_timeout);
    let (run, took) = during(scenario, &network, family, &mut server, run)?;
    let made = then(Scene {
        run: &run,
        took,
        network: &network,
        identity: &identity,
    })?;
    for tool in &mut tools {
        tool.still_runs()?;
    }
    drop(devices);
    stopped(scenario, server)?;
    Ok(made)
}

fn stopped(scenario: &Scenario, server: Option<EchoServer>) -> anyhow::Result<()> {
    match server {
        Some(server) if scenario.echo.state == State::Running => server.stop().map(drop),
        Some(_) | None => Ok(()),
    }
}

fn put_in_the_way(
    scenario: &Scenario,
    network: &Network,
    family: Family,
    variant: Variant,
) -> anyhow::Result<()> {
    for host in Host::ALL {
        change(network, host, scenario.changes(host), family)?;
    }
    for family in scenario.families_of_a_run(family) {
        variant.apply(network, scenario, family)?;
    }
    Ok(())
}

/// Calls `run`, while `server` runs throughout or is ended and perhaps replaced, as the scenario says.
fn during<T: Send>(
    scenario: &Scenario,
    network: &Network,
    family: Family,
    server: &mut Option<EchoServer>,
    run: impl FnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    let (Some(end), true) = (&scenario.echo.ends, server.is_some()) else {
        return run();
    };
    let running = server.take().context("a server that runs")?;
    let start = |identity| serve(scenario, network, identity);
    let (left, done) = end.during(network, family, running, start, run)?;
    *server = left;
    Ok(done)
}

fn take_time(probe: Probe, idle_timeout: Option<u8>) -> anyhow::Result<(Run, Duration)> {
    let probe = match idle_timeout {
        Some(seconds) => probe.idle_timeout(seconds),
        None => probe.patience_of_its_own(),
    };
    let began = Instant::now();
    let run = probe.run()?;
    Ok((run, began.elapsed()))
}

/// Returns the place of the client, with the server's name (if it has one) in its hosts file, and with its own resolver
/// if the scenario has one.
fn client(
    scenario: &Scenario,
    network: &Network,
    identity: &Identity,
    family: Family,
) -> anyhow::Result<Place> {
    let mut place = network.place(Host::Client, User::Nobody);
    if let Some(server) = &scenario.name_server {
        let file = identity.scratch().join("resolv.conf");
        std::fs::write(&file, format!("nameserver {}\n", family.fill(server)))?;
        place = place.with_resolver(&file);
    }
    let Some(name) = &scenario.name else {
        return Ok(place);
    };
    let mut lines = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    // The file has addresses of both families; otherwise the resolver would query for the missing one.
    for family in Family::ALL {
        lines.push_str(&format!("{} {name}\n", family.address(Host::Cloud)));
    }
    let file = identity.scratch().join("hosts");
    std::fs::write(&file, lines)?;
    Ok(place.with_hosts(&file))
}

fn probe(
    scenario: &Scenario,
    family: Family,
    connection: &Connection,
    client: &Place,
    tools: &[Running],
) -> anyhow::Result<Probe> {
    let command = match scenario.command {
        Command::Run => "run",
        Command::Idle => "idle",
    };
    let mut probe = Probe::with(connection.clone())?
        .subcommand(command)
        .from(client)
        .args(scenario.flags.iter().map(|text| family.fill(text)));
    if scenario.name.is_some() && !scenario.dual_stack {
        probe = probe.arg(format!("--{}", family.name()));
    }
    if scenario.ports.is_empty() {
        probe = probe.arg(PROFILE);
    }
    for port in &scenario.ports {
        probe = probe.arg("--port").arg(port);
    }
    let files = tools
        .first()
        .map(Running::files)
        .unwrap_or_else(|| Path::new(""));
    for (name, value) in &scenario.variables {
        let value = value.replace("<files>", &files.display().to_string());
        probe = probe.variable(name, value);
    }
    Ok(probe)
}

fn serve(scenario: &Scenario, network: &Network, identity: Identity) -> anyhow::Result<EchoServer> {
    let mut ports = scenario.ports_probed()?;
    let echo = &scenario.echo;
    ports.retain(|port| !echo.absent.contains(port) && !echo.loopback.contains(port));
    let inside: Vec<String> = echo
        .loopback
        .iter()
        .map(|port| format!("[[listen]]\naddress = \"127.0.0.1\"\nport = {port}\n"))
        .collect();
    let inside = inside.concat();
    let file = identity.scratch().join("server.toml");
    let limits = scenario.echo.limits.join("\n");
    std::fs::write(
        &file,
        format!(
            "identity = {:?}\ninstance = \"echo\"\nports = {ports:?}\nwitness = \
             {}\n{inside}[limits]\n{limits}\n",
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

/// Applies the changes that are needed before any program starts.
fn set(network: &Network, host: Host, changes: &Changes, family: Family) -> anyhow::Result<()> {
    for setting in &changes.sysctl {
        network.run(host, "sysctl", ["-qw", &family.fill(setting)])?;
    }
    Ok(())
}

pub(super) fn change(
    network: &Network,
    host: Host,
    changes: &Changes,
    family: Family,
) -> anyhow::Result<()> {
    for (program, lines) in [("ip", &changes.ip), ("tc", &changes.tc)] {
        for words in lines {
            network.run(host, program, family.fill(words).split_whitespace())?;
        }
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

/// The client's idle timeout in seconds: after this time, nothing more is expected.
pub(super) const SILENCE: u8 = 6;
