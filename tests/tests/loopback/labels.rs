//! Labels of a run, from the command line and from the launcher of a cluster, and the wait before the first packet.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::ensure;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, Identity, Place, Probe, ServerPlan, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use rustix::process::Signal;

pub(crate) fn trials() -> Trials {
    Trials::of("labels")
        .once("of_the_user_and_of_slurm", of_the_user_and_of_slurm)
        .once("without_a_launcher_there_are_none", without_a_launcher)
        .once("that_cannot_be_used", that_cannot_be_used)
        .once("after_a_wait_the_run_begins", after_a_wait_the_run_begins)
        .once("ctrl_c_ends_the_wait", ctrl_c_ends_the_wait)
}

fn of_the_user_and_of_slurm() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let probe = Probe::of(&server)?
        .port(server.port(1), SessionKind::Tcp)
        .args(["--label", "rack=12", "--label", "task=mine"])
        .variable("SLURM_JOB_ID", "17")
        .variable("SLURMD_NODENAME", "n042")
        .variable("SLURM_PROCID", "3");
    let run = probe.run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    let host = &run.document()?.host;
    let labels: Vec<_> = host.labels.iter().collect();
    let expected = [
        ("job", "17"),
        ("node", "n042"),
        ("rack", "12"),
        ("task", "mine"),
    ];
    ensure!(labels == expected, "{labels:?}");
    ensure!(host.node() == Some("n042"), "{host:?}");
    let table = &run.finished.stdout;
    for text in [
        "\nfrom n042 as ",
        "\nlabels: job=17, node=n042, rack=12, task=mine\n",
    ] {
        ensure!(table.contains(text), "{}", run.text());
    }
    Ok(())
}

/// A document without labels is the same as before there were labels.
fn without_a_launcher() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let probe = Probe::of(&server)?
        .port(server.port(1), SessionKind::Tcp)
        // Without the variables of Kubernetes, this name is that of a different program.
        .variable("NODE_NAME", "built-in");
    let run = probe.run()?;
    run.expect_exit(0)?;
    let json = run.json.as_deref().unwrap_or_default();
    ensure!(!json.contains("\"labels\""), "{json}");
    ensure!(!run.finished.stdout.contains("labels:"), "{}", run.text());
    Ok(())
}

fn that_cannot_be_used() -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let refused = |arguments: &[&str]| -> anyhow::Result<String> {
        let cli = Cli::fwprobe()?.variable("FWPROBE_CONNECTION", identity.connection().text());
        let cli = cli.args(["run", "--port", "443/tcp"]);
        let finished = cli.args(arguments.iter().copied()).run()?;
        ensure!(finished.code()? == 2, "{}", finished.stderr);
        ensure!(finished.stdout.is_empty(), "{}", finished.stdout);
        Ok(finished.stderr)
    };
    for (label, reason) in [
        ("rack", "expected KEY=VALUE, such as rack=12"),
        ("Rack=12", "the key contains 'R'"),
        ("rack=", "the value is empty"),
        ("rack=7;8", "the value contains `;`"),
    ] {
        let told = refused(&["--label", label])?;
        ensure!(told.contains(reason) && told.contains("--label"), "{told}");
    }
    // Problems that only several arguments together have are reported together.
    let told = refused(&[
        "--label",
        "rack=7",
        "--label",
        "rack=8",
        "--host",
        "not a host",
    ])?;
    let twice = "error: --label: `rack` is given twice, with the values `7` and `8`";
    ensure!(told.contains(twice), "{told}");
    ensure!(told.contains("error: --host not a host: "), "{told}");
    Ok(())
}

fn after_a_wait_the_run_begins() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let probe = Probe::of(&server)?
        .port(server.port(1), SessionKind::Tcp)
        .args(["--start-jitter", "1s"]);
    let run = probe.run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    let told = &run.finished.stderr;
    ensure!(told.contains("--start-jitter: the first packet"), "{told}");
    Ok(())
}

fn ctrl_c_ends_the_wait() -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let shut = ShutPort::take(LOOPBACK)?;
    let connection = identity.connection().clone();
    let probe = Probe::with(connection.with_control_port(shut.port()))?
        .port(shut.port(), SessionKind::Tcp)
        // Hardly any host name has a wait of less than a minute.
        .args(["--start-jitter", "168h"]);
    let mut process = probe.start()?;
    process.read_errors_until(|text| text.contains("--start-jitter: "))?;
    process.signal(Signal::INT)?;
    let run = probe.finish(process)?;
    ensure!(run.finished.code()? == 130, "{}", run.text());
    ensure!(run.json.is_none(), "a report of nothing was written");
    let told = &run.finished.stderr;
    ensure!(
        told.contains("interrupted before the first packet"),
        "{told}"
    );
    Ok(())
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
