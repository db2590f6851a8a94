//! Devices that pass the modern ClientHello of a session and block another form of it: the port is open, and a finding
//! names the form that is blocked.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Dislike, Ending, Inspection, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, ServerPlan};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::profile::Profile;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("hello")
        .on_both_families("a_large_one_is_reset", |ip| large(ip, Ending::Reset))
        .on_both_families("a_large_one_vanishes", |ip| large(ip, Ending::Silence))
        .on_both_families("an_old_one_is_reset", |ip| old(ip, Ending::Reset))
        .on_both_families("an_old_one_vanishes", |ip| old(ip, Ending::Silence))
}

fn large(ip: IpAddr, ending: Ending) -> anyhow::Result<()> {
    let inspection = Inspection {
        dislikes: Dislike::LargeHello,
        ending,
    };
    let (server, devices) = ServerPlan::on(ip)
        .ports(1)
        .start_behind(&[inspection], |seat, upstream, inspection| {
            Middlebox::inspecting(seat, upstream, *inspection)
        })?;
    let (clear, inspected) = (server.port(1), devices[0].port());
    let run = Probe::of(&server)?
        .idle_timeout(IDLE_TIMEOUT)
        .port(clear, SessionKind::Tls)
        .port(inspected, SessionKind::Tls)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    noted_only_on(&run, FindingId::LargeHelloBlocked, inspected)?;
    server.stop().map(drop)
}

/// The device is on one port of the profile, whose product sends a ClientHello of an old TLS version.
fn old(ip: IpAddr, ending: Ending) -> anyhow::Result<()> {
    let inspection = Inspection {
        dislikes: Dislike::OldHello,
        ending,
    };
    let rules = &Profile::lookup(PROFILE)?.rules;
    let (server, devices) = ServerPlan::on(ip)
        .ports(rules.len())
        .start_behind(&[inspection], |seat, upstream, inspection| {
            Middlebox::inspecting(seat, upstream, *inspection)
        })?;
    let mut probe = Probe::of(&server)?.idle_timeout(IDLE_TIMEOUT).arg(PROFILE);
    for (index, rule) in rules.iter().enumerate() {
        let dialled = match rule.port.get() {
            INSPECTED => devices[0].port(),
            _ => server.port(1 + index),
        };
        probe = probe.arg("--map").arg(format!("{}={dialled}", rule.port));
    }
    let run = probe.run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    noted_only_on(&run, FindingId::LegacyHelloBlocked, INSPECTED)?;
    server.stop().map(drop)
}

fn noted_only_on(run: &Run, id: FindingId, port: u16) -> anyhow::Result<()> {
    for probe in &run.document()?.probes {
        let noted = probe.findings.iter().any(|finding| finding.id == id);
        let expected = probe.measurement.rule.port.get() == port;
        ensure!(
            noted == expected,
            "port {} has {id}: {noted}:\n{}{}",
            probe.measurement.rule.port,
            Run::compared(probe),
            run.text()
        );
    }
    Ok(())
}

const PROFILE: &str = "hpc-2008r2-sp1";
const INSPECTED: u16 = 5901;

/// The idle timeout in seconds; each silence in these tests lasts this long.
const IDLE_TIMEOUT: u8 = 8;
