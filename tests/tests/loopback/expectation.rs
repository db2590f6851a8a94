//! The same result is right or wrong depending on the profile's expectation.

use std::net::IpAddr;

use fwprobe_tests::middlebox::{Cut, Direction, Ending, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, ServerPlan};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("expectation")
        .on_both_families("blocked_and_blocked", blocked_and_blocked)
        .on_both_families("blocked_and_open", blocked_and_open)
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

fn blocked(port: u16) -> String {
    format!("[rules]\nport-{port}-tcp = \"blocked\"\n")
}

const RESET: Cut = Cut {
    direction: Direction::Up,
    after: 0,
    ending: Ending::Reset,
};
