//! Nothing blocked: all that differs is the server.

use fwprobe_tests::Probe;
use fwprobe_tests::namespace::{Host, Lab};
use fwprobe_tests::trial::{Need, Trials};
use probe_core::catalogue::VerdictId;

use super::site::{PORTS, Site};

pub(crate) fn trials() -> Trials {
    let trials = Trials::of("server")
        .needing(&[Need::Root], "everything_open", everything_open)
        .needing(&[Need::Root], "stopped", stopped)
        .needing(&[Need::Root], "frozen", frozen)
        .needing(&[Need::Root], "key_unknown", key_unknown)
        .needing(
            &[Need::Root],
            "redirected_to_another_port",
            redirected_to_another_port,
        );
    PORTS.iter().fold(trials, |trials, port| {
        let name = format!("port_{port}_shut");
        trials.needing(&[Need::Root], &name, || one_port_shut(*port))
    })
}

fn everything_open() -> anyhow::Result<()> {
    let site = Site::build()?;
    let run = site.probe()?.run()?;
    run.expect_exit(0)?
        .expect_all(VerdictId::Reachable)?
        .expect_addresses(&Lab::server_addresses())?;
    anyhow::ensure!(
        run.document()?.probes.len() == 2 * PORTS.len(),
        "{}",
        run.text()
    );
    site.server.stop().map(drop)
}

fn one_port_shut(port: u16) -> anyhow::Result<()> {
    let others: Vec<u16> = PORTS.into_iter().filter(|other| *other != port).collect();
    let site = Site::serving(&others)?;
    site.expect_one(port, VerdictId::NotListening)?;
    site.server.stop().map(drop)
}

fn stopped() -> anyhow::Result<()> {
    let lab = Lab::build()?;
    // Its host is up, and answers every SYN with RST.
    let identity = lab.identity()?;
    let probe = lab.probe(&identity)?.arg(super::site::PROFILE);
    undecided(probe, VerdictId::ServerUnreachable)
}

fn frozen() -> anyhow::Result<()> {
    let site = Site::build()?;
    site.server.freeze()?;
    undecided(site.probe()?, VerdictId::ServerSilent)
}

fn key_unknown() -> anyhow::Result<()> {
    let site = Site::build()?;
    let connection = site
        .server
        .identity()
        .connection()
        .clone()
        .with_key_id("nobody")?;
    let probe = site.lab.probe_with(connection)?.arg(super::site::PROFILE);
    undecided(probe, VerdictId::ServerRefused)?;
    site.server.stop().map(drop)
}

fn undecided(probe: Probe, id: VerdictId) -> anyhow::Result<()> {
    let run = probe.run()?;
    run.expect_exit(3)?
        .expect_all(id)?
        .expect_addresses(&Lab::server_addresses())?;
    Ok(())
}

fn redirected_to_another_port() -> anyhow::Result<()> {
    let site = Site::build()?;
    let chain = "type nat hook prerouting priority -100;";
    site.lab
        .nft(Host::Server, chain, "tcp dport 5902 redirect to :5901")?;
    let run = site.expect_one(5902, VerdictId::RedirectedToOtherPort)?;
    for probe in run.of_port(5902)? {
        anyhow::ensure!(
            probe.verdict.claim.contains("5901"),
            "{}",
            probe.verdict.claim
        );
    }
    site.server.stop().map(drop)
}
