//! Measures the cost of a clean run above the protocol's minimum, for every session kind over a path with a fixed
//! delay.
//!
//! The minimum is the time of a bare client that sends and receives the same bytes in the same turns, without a check,
//! over the same path in the same run. After that, the seven-port profile is measured with all ports together.
//!
//! `cargo bench --package fwprobe-tests --bench round_trips`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fwprobe_tests::middlebox::{Manner, Middlebox};
use fwprobe_tests::{EchoServer, Probe, Seat, ServerPlan, flights};
use probe_core::session_kind::SessionKind;

mod bare;
mod delay;

use delay::DelayRelay;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    println!(
        "one way {} ms, so one round trip {} ms\n",
        ONE_WAY.as_millis(),
        (ONE_WAY * 2).as_millis()
    );
    println!(
        "{:<8} {:>6} {:>10} {:>10} {:>12} {:>14}",
        "kind", "turns", "bare ms", "fwprobe ms", "over ms", "in round trips"
    );
    for kind in SessionKind::ALL {
        one_kind(&runtime, kind)?;
    }
    seven_ports(&runtime)?;
    through_a_proxy(&runtime)
}

/// Compares one probe of `kind` with its bare counterpart, each by the fastest of [`REPEATS`] runs.
fn one_kind(runtime: &tokio::runtime::Runtime, kind: SessionKind) -> anyhow::Result<()> {
    let flights = flights::of(kind);
    let mut probe_ms = f64::INFINITY;
    let mut bare_ms = f64::INFINITY;
    for _ in 0..REPEATS {
        let (server, relay) = behind_delay(runtime)?;
        let run = Probe::of(&server)?.port(relay.port(), kind).run()?;
        let probe = run.one(relay.port())?;
        probe_ms = probe_ms.min(probe.timings.total_us as f64 / 1e3);
        let took = runtime.block_on(bare::play(flights, ONE_WAY))?;
        bare_ms = bare_ms.min(took.as_secs_f64() * 1e3);
    }
    print_row(kind.name(), flights.len(), bare_ms, probe_ms);
    Ok(())
}

/// Compares a whole run over the profile's seven ports with the slowest bare session alone.
fn seven_ports(runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    let ports = [80, 443, 3389, 5901, 5902, 7998, 7999];
    let mut seats = Vec::new();
    let mut plan = ServerPlan::on(LOCALHOST);
    for _ in ports {
        let seat = Seat::take(LOCALHOST)?;
        plan = plan.behind(&seat)?;
        seats.push(seat);
    }
    let server = plan.start()?;
    let mut probe = Probe::of(&server)?.arg("hpc-2008r2-sp1");
    for (index, (port, seat)) in ports.iter().zip(seats).enumerate() {
        probe = probe.arg("--map").arg(format!("{port}={}", seat.port()?));
        let relay = DelayRelay::start(runtime, seat, server.address(1 + index), ONE_WAY)?;
        relay.leave_running();
    }
    let began = Instant::now();
    let run = probe.run()?;
    let wall = began.elapsed();
    run.expect_exit(0)?;
    let slowest = flights::of(SessionKind::Https);
    let bare = runtime.block_on(bare::play(slowest, ONE_WAY))?;
    let longest = run
        .document()?
        .probes
        .iter()
        .map(|p| p.timings.started_us + p.timings.total_us)
        .max()
        .context("no probe")?;
    println!();
    print_row(
        "7 ports",
        slowest.len(),
        bare.as_secs_f64() * 1e3,
        longest as f64 / 1e3,
    );
    println!("the whole process, start to exit: {} ms", wall.as_millis());
    Ok(())
}

/// Compares a run through a CONNECT proxy with a direct run. The way to the proxy has the same delay as the direct
/// path. The request to the proxy adds one round trip.
fn through_a_proxy(runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    let kind = SessionKind::Tls;
    let (mut direct_ms, mut proxied_ms) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..REPEATS {
        let (server, relay) = behind_delay(runtime)?;
        let run = Probe::of(&server)?.port(relay.port(), kind).run()?;
        let took = run.one(relay.port())?.timings.total_us;
        direct_ms = direct_ms.min(took as f64 / 1e3);
        let server = ServerPlan::on(LOCALHOST).ports(1).start()?;
        let proxy = Middlebox::proxy(Seat::take(LOCALHOST)?, LOCALHOST, Manner::Connect)?;
        let address = SocketAddr::new(LOCALHOST, proxy.port());
        let relay = DelayRelay::start(runtime, Seat::take(LOCALHOST)?, address, ONE_WAY)?;
        let run = Probe::of(&server)?
            .args(["--via", &format!("http://127.0.0.1:{}", relay.port())])
            .port(server.port(1), kind)
            .run()?;
        let took = run.one(server.port(1))?.timings.total_us;
        proxied_ms = proxied_ms.min(took as f64 / 1e3);
    }
    println!("\nthrough CONNECT, beside the direct path instead of a bare client:");
    print_row("tls", flights::of(kind).len(), direct_ms, proxied_ms);
    Ok(())
}

fn behind_delay(runtime: &tokio::runtime::Runtime) -> anyhow::Result<(EchoServer, DelayRelay)> {
    let seat = Seat::take(LOCALHOST)?;
    let server = ServerPlan::on(LOCALHOST).behind(&seat)?.start()?;
    let upstream: SocketAddr = server.address(1);
    let relay = DelayRelay::start(runtime, seat, upstream, ONE_WAY)?;
    Ok((server, relay))
}

fn print_row(name: &str, turns: usize, bare_ms: f64, probe_ms: f64) {
    let over = probe_ms - bare_ms;
    let round_trip = ONE_WAY.as_secs_f64() * 2e3;
    println!(
        "{name:<8} {turns:>6} {bare_ms:>10.1} {probe_ms:>10.1} {over:>12.1} {:>14.2}",
        over / round_trip
    );
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ONE_WAY: Duration = Duration::from_millis(50);
const REPEATS: usize = 3;
