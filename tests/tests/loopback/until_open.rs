//! `--until-open`: runs follow one another until the server is there, or until the time is over.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Identity, Place, Probe, ServerPlan, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use rustix::process::Signal;

pub(crate) fn trials() -> Trials {
    Trials::of("until_open")
        .on_both_families("once_the_server_listens", once_the_server_listens)
        .on_both_families("not_for_longer_than_told", not_for_longer_than_told)
        .on_both_families("not_after_ctrl_c", not_after_ctrl_c)
}

/// A server that does not run yet.
struct Awaited {
    identity: Identity,
    control: ShutPort,
    port: ShutPort,
}

impl Awaited {
    fn on(ip: IpAddr) -> anyhow::Result<Self> {
        Ok(Self {
            identity: Identity::make(&Place::ordinary(), &[&ip.to_string()])?,
            control: ShutPort::take(ip)?,
            port: ShutPort::take(ip)?,
        })
    }

    fn probe(&self, flag: &str) -> anyhow::Result<Probe> {
        let connection = self.identity.connection().clone();
        let connection = connection.with_control_port(self.control.port());
        Ok(Probe::with(connection)?
            .port(self.port.port(), SessionKind::Tcp)
            .arg(flag))
    }
}

fn once_the_server_listens(ip: IpAddr) -> anyhow::Result<()> {
    let awaited = Awaited::on(ip)?;
    let probe = awaited.probe("--until-open=10m")?;
    let mut process = probe.start()?;
    process.read_errors_until(|text| text.contains("run 1: "))?;
    let ports = [awaited.control.port(), awaited.port.port()];
    let Awaited { identity, .. } = awaited;
    let _server = ServerPlan::on(ip)
        .ports(1)
        .at_ports(&ports)
        .start_as(identity)?;
    let run = probe.finish(process)?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    Ok(())
}

fn not_for_longer_than_told(ip: IpAddr) -> anyhow::Result<()> {
    let run = Awaited::on(ip)?.probe("--until-open=2s")?.run()?;
    ensure!(run.finished.code()? != 0, "{}", run.text());
    run.document()?;
    // Two seconds leave no time for the pause before a second run.
    ensure!(!run.finished.stderr.contains("run 1: "), "{}", run.text());
    Ok(())
}

fn not_after_ctrl_c(ip: IpAddr) -> anyhow::Result<()> {
    let probe = Awaited::on(ip)?.probe("--until-open")?;
    let mut process = probe.start()?;
    process.read_errors_until(|text| text.contains("run 1: "))?;
    process.signal(Signal::INT)?;
    let run = probe.finish(process)?;
    ensure!(run.document()?.run.complete, "{}", run.text());
    ensure!(run.finished.code()? != 0, "{}", run.text());
    Ok(())
}
