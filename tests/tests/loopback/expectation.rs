//! The same result is right or wrong depending on the profile's expectation.

use std::net::{IpAddr, SocketAddr};

use anyhow::ensure;
use fwprobe_tests::middlebox::{Cut, Direction, Ending, Manner, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, Seat, ServerPlan};
use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::profile::Expectation;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("expectation")
        .on_both_families("blocked_and_blocked", blocked_and_blocked)
        .on_both_families("blocked_and_open", blocked_and_open)
        .on_both_families("blocked_on_one_path", blocked_on_one_path)
        .on_both_families("blocked_in_one_family", blocked_in_one_family)
}

/// A device resets a port that is expected to be blocked, and the other port is open as expected.
fn blocked_and_blocked(ip: IpAddr) -> anyhow::Result<()> {
    let (server, devices) = ServerPlan::on(ip)
        .ports(1)
        .start_behind(&[RESET], |seat, upstream, cut| {
            Middlebox::cutting(seat, upstream, *cut)
        })?;
    let (open, cut) = (server.port(1), devices[0].port());
    let probe = Probe::of(&server)?
        .port(open, SessionKind::Tcp)
        .port(cut, SessionKind::Tcp);
    let file = probe.file("expect.toml", &blocked(cut))?;
    let run = probe.arg("--expect").arg(file).run()?;
    run.expect_exit(0)?
        .expect_port(open, VerdictId::Reachable)?
        .expect_port(cut, VerdictId::PayloadReset)?;
    server.stop().map(drop)
}

/// An open port that is expected to be blocked is a failure, however well it works.
fn blocked_and_open(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let port = server.port(1);
    let probe = Probe::of(&server)?.port(port, SessionKind::Tcp);
    let file = probe.file("expect.toml", &blocked(port))?;
    let run = probe.arg("--expect").arg(file).run()?;
    run.expect_exit(1)?
        .expect_port(port, VerdictId::Reachable)?;
    server.stop().map(drop)
}

/// An open port is a failure only on the path on which it is expected to be blocked.
fn blocked_on_one_path(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let port = server.port(1);
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, Manner::Connect)?;
    let via = format!("http://{}", SocketAddr::new(ip, proxy.port()));
    for (direct, proxied) in [("blocked", "open"), ("open", "blocked")] {
        let probe = Probe::of(&server)?
            .args(["--via", "direct", "--via", &via])
            .port(port, SessionKind::Tcp);
        let places = format!("{{ direct = \"{direct}\", proxy = \"{proxied}\" }}");
        let file = probe.file("expect.toml", &expected(port, &places))?;
        let run = probe.arg("--expect").arg(file).run()?;
        run.expect_exit(1)?
            .expect_port(port, VerdictId::Reachable)?;
        let probes = run.of_port(port)?;
        ensure!(probes.len() == 2, "not two paths:\n{}", run.text());
        for probe in probes {
            let is_direct = probe.measurement.path.is_direct();
            let expect = if is_direct { direct } else { proxied };
            as_the_file_says(&run, probe, expect)?;
        }
    }
    server.stop().map(drop)
}

/// An open port is a failure only over the version of IP over which it is expected to be blocked.
fn blocked_in_one_family(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let port = server.port(1);
    for family in ["ipv4", "ipv6"] {
        let probe = Probe::of(&server)?.port(port, SessionKind::Tcp);
        let places = format!("{{ {family} = \"blocked\" }}");
        let file = probe.file("expect.toml", &expected(port, &places))?;
        let run = probe.arg("--expect").arg(file).run()?;
        let is_meant = ip.is_ipv6() == (family == "ipv6");
        run.expect_exit(u8::from(is_meant))?
            .expect_port(port, VerdictId::Reachable)?;
        let expect = if is_meant { "blocked" } else { "open" };
        as_the_file_says(&run, run.one(port)?, expect)?;
    }
    server.stop().map(drop)
}

/// Checks that `probe`, whose port is open, was held against the expectation `expect`.
fn as_the_file_says(run: &Run, probe: &probe_documents::Probe, expect: &str) -> anyhow::Result<()> {
    let wanted = match expect {
        "blocked" => (Expectation::Blocked, Outcome::NotAsExpected),
        _ => (Expectation::Open, Outcome::AsExpected),
    };
    let found = (probe.measurement.rule.expect, probe.outcome);
    let path = &probe.measurement.path;
    ensure!(found == wanted, "{path}: {found:?}:\n{}", run.text());
    Ok(())
}

fn blocked(port: u16) -> String {
    expected(port, "\"blocked\"")
}

/// Returns a file of expectations with one rule, for a port given by hand.
fn expected(port: u16, expectation: &str) -> String {
    format!("[rules]\nport-{port}-tcp = {expectation}\n")
}

const RESET: Cut = Cut {
    direction: Direction::Up,
    after: 0,
    ending: Ending::Reset,
};
