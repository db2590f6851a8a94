//! Wears a server on loopback for an hour, or as many minutes as its argument says: known clients run
//! and are killed half way, keys come and go, files are wrong for a while, and nothing of it may show.
//!
//!     cargo build --workspace && cargo run -p fwprobe-tests --example soak -- 60
//!
//! With one packet in a hundred lost, as root:
//!
//!     unshare -n sh -c 'ip link set lo up && tc qdisc add dev lo root netem loss 1% &&
//!         exec target/debug/examples/soak 60'

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use fwprobe_tests::{EchoServer, Metrics, Probe, ServerPlan, WATCHDOG};
use probe_core::session_kind::SessionKind;
use rustix::process::Signal;

fn main() -> anyhow::Result<()> {
    let minutes: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().context("minutes, as a whole number")?,
        None => 60,
    };
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let server = ServerPlan::on(ip).ports(1).with_metrics().start()?;
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let (mut rounds, mut first) = (0, None);
    while Instant::now() < end {
        round(&server, rounds)?;
        rounds += 1;
        let metrics = calm(&server)?;
        let first = first.get_or_insert_with(|| metrics.clone());
        report(rounds, first, &metrics)?;
    }
    let finished = server.stop()?;
    ensure!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    Ok(())
}

fn round(server: &EchoServer, number: u32) -> anyhow::Result<()> {
    let probe = || -> anyhow::Result<Probe> {
        let port = server.port(1);
        Ok(Probe::of(server)?.kinds(port, SessionKind::ALL))
    };
    let (doomed, whole) = (probe()?, probe()?);
    let victim = doomed.start()?;
    let running = whole.start()?;
    // Wherever it is by now.
    victim.signal(Signal::KILL)?;
    victim.finish()?;
    reload(server, number)?;
    whole.finish(running)?.expect_exit(0)?;
    Ok(())
}

/// A key more, or a key less, or a file that is wrong, in turn.
fn reload(server: &EchoServer, number: u32) -> anyhow::Result<()> {
    let identity = server.identity();
    let keys = identity.directory().join("keys.toml");
    let good = std::fs::read(&keys)?;
    let outcome = match number % 2 {
        0 => {
            identity.add_key("soak")?;
            "accepted"
        }
        _ => {
            std::fs::write(&keys, "keys = 5\n")?;
            "rejected"
        }
    };
    let series = format!("fwprobe_echo_reloads_total{{outcome=\"{outcome}\"}}");
    let before = server.metrics()?.sum(&series);
    server.reload()?;
    let deadline = Instant::now() + WATCHDOG;
    while server.metrics()?.sum(&series) <= before {
        ensure!(Instant::now() < deadline, "no reload");
    }
    std::fs::write(&keys, good)?;
    Ok(())
}

fn calm(server: &EchoServer) -> anyhow::Result<Metrics> {
    let deadline = Instant::now() + WATCHDOG;
    loop {
        let metrics = server.metrics()?;
        if metrics.strangers() == 0.0 && metrics.known() == 0.0 {
            return Ok(metrics);
        }
        ensure!(Instant::now() < deadline, "no calm comes:\n{metrics:?}");
    }
}

fn report(rounds: u32, first: &Metrics, now: &Metrics) -> anyhow::Result<()> {
    let (mib, descriptors) = (now.resident_mib(), now.descriptors());
    writeln!(
        std::io::stdout(),
        "round {rounds}: {mib:.1} MiB, {descriptors} descriptors, {} connections",
        now.sum("fwprobe_echo_connections_total"),
    )?;
    ensure!(
        descriptors <= first.descriptors() + 2.0,
        "descriptors are not given back"
    );
    ensure!(mib <= first.resident_mib() + MAX_GROWN_MIB, "memory grows");
    Ok(())
}

/// Sightings and nonces fill their tables first: 16 MiB.
const MAX_GROWN_MIB: f64 = 48.0;
