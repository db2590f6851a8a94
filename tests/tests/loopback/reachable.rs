//! With nothing between client and server, every session kind is reachable on any port.

use std::net::IpAddr;

use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, ServerPlan};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::profile::Profile;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("reachable")
        .on_both_families("all_kinds_on_one_port", all_kinds_on_one_port)
        .on_both_families(
            "each_kind_on_a_port_of_its_own",
            each_kind_on_a_port_of_its_own,
        )
        .on_both_families("a_profile_with_mapped_ports", a_profile_with_mapped_ports)
}

fn all_kinds_on_one_port(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let port = server.port(1);
    let probe = Probe::of(&server)?.kinds(port, SessionKind::ALL);
    probe
        .run()?
        .expect_exit(0)?
        .expect_all(VerdictId::Reachable)?;
    server.stop().map(drop)
}

fn each_kind_on_a_port_of_its_own(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(SessionKind::ALL.len()).start()?;
    let mut probe = Probe::of(&server)?;
    for (index, kind) in SessionKind::ALL.into_iter().enumerate() {
        probe = probe.port(server.port(1 + index), kind);
    }
    probe
        .run()?
        .expect_exit(0)?
        .expect_all(VerdictId::Reachable)?;
    server.stop().map(drop)
}

fn a_profile_with_mapped_ports(ip: IpAddr) -> anyhow::Result<()> {
    let rules = &Profile::lookup(PROFILE)?.rules;
    let server = ServerPlan::on(ip).ports(rules.len()).start()?;
    let mut probe = Probe::of(&server)?.arg(PROFILE);
    for (index, rule) in rules.iter().enumerate() {
        probe = probe
            .arg("--map")
            .arg(format!("{}={}", rule.port, server.port(1 + index)));
    }
    let run = probe.run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    for rule in rules {
        let probe = run.one(rule.port.get())?;
        // The rule is about a service on another host, which this run does not reach.
        run.expect_finding(probe, FindingId::DestinationNotTested)?;
    }
    server.stop().map(drop)
}

const PROFILE: &str = "hpc-2008r2-sp1";
