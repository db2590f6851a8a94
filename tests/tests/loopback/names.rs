//! Names that do not resolve.

use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, ServerPlan};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("names")
        .once("a_name_that_does_not_exist", a_name_that_does_not_exist)
        .once(
            "one_of_two_hosts_does_not_exist",
            one_of_two_hosts_does_not_exist,
        )
}

fn a_name_that_does_not_exist() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let run = Probe::of(&server)?
        .args(["--host", NO_NAME])
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(1)?.expect_all(VerdictId::NameNotResolved)?;
    server.stop().map(drop)
}

fn one_of_two_hosts_does_not_exist() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let run = Probe::of(&server)?
        .args(["--host", NO_NAME, "--host", "127.0.0.1"])
        .port(server.port(1), SessionKind::Tcp)
        .run()?;
    run.expect_exit(1)?;
    for probe in run.of_port(server.port(1))? {
        let expected = if probe.measurement.host == NO_NAME {
            VerdictId::NameNotResolved
        } else {
            VerdictId::Reachable
        };
        run.expect(probe, expected)?;
    }
    anyhow::ensure!(run.of_port(server.port(1))?.len() == 2, "{}", run.text());
    server.stop().map(drop)
}

/// A name that no resolver may resolve (RFC 6761 section 6.4).
const NO_NAME: &str = "nonexistent.invalid";
const LOOPBACK: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;
