//! Problems of the server itself, which must not be reported as faults of the firewall.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::middlebox::Middlebox;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{
    Connection, EchoServer, Identity, Occupant, Place, Probe, Seat, ServerPlan, ShutPort,
};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("server_state")
        .on_both_families("stopped", stopped)
        .on_both_families("frozen", frozen)
        .on_both_families("key_unknown", |ip| refused(ip, |c| c.with_key_id("nobody")))
        .on_both_families("key_wrong", |ip| {
            refused(ip, |c| Ok(c.with_another_secret()))
        })
        .on_both_families("key_revoked", key_revoked)
        .on_both_families("overloaded", overloaded)
        .on_both_families("port_not_listening", port_not_listening)
        .on_both_families("redirected_to_another_port", redirected_to_another_port)
        .on_both_families("pin_of_another_server", pin_of_another_server)
}

fn stopped(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).start()?;
    let addresses = [0, 1, 2].map(|index| server.address(index));
    let probe = Probe::of(&server)?
        .kinds(addresses[1].port(), SessionKind::ALL)
        .kinds(addresses[2].port(), SessionKind::ALL);
    server.stop()?;
    let _shut = addresses
        .map(ShutPort::hold)
        .into_iter()
        .collect::<anyhow::Result<Vec<_>>>()?;
    undecided(probe, VerdictId::ServerUnreachable)
}

fn frozen(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).start()?;
    server.freeze()?;
    let probe = all_kinds_on_two_ports(&server)?.idle_timeout(SILENCE);
    undecided(probe, VerdictId::ServerSilent)
}

fn key_revoked(ip: IpAddr) -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    identity.revoke()?;
    let server = ServerPlan::on(ip).ports(2).start_as(identity)?;
    undecided(all_kinds_on_two_ports(&server)?, VerdictId::ServerRefused)?;
    server.stop().map(drop)
}

fn refused(ip: IpAddr, spoil: fn(Connection) -> anyhow::Result<Connection>) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).start()?;
    let probe = Probe::with(spoil(server.connection())?)?
        .kinds(server.port(1), SessionKind::ALL)
        .kinds(server.port(2), SessionKind::ALL);
    undecided(probe, VerdictId::ServerRefused)?;
    server.stop().map(drop)
}

fn overloaded(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).limit("sessions = 1").start()?;
    let occupant = Occupant::enter(server.address(1), &server.connection())?;
    undecided(
        all_kinds_on_two_ports(&server)?,
        VerdictId::ServerOverloaded,
    )?;
    drop(occupant);
    server.stop().map(drop)
}

fn port_not_listening(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let shut = ShutPort::take(ip)?;
    let run = Probe::of(&server)?
        .port(server.port(1), SessionKind::Tcp)
        .kinds(shut.port(), SessionKind::ALL)
        .run()?;
    run.expect_exit(1)?
        .expect_port(server.port(1), VerdictId::Reachable)?
        .expect_port(shut.port(), VerdictId::NotListening)?;
    server.stop().map(drop)
}

fn redirected_to_another_port(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).start()?;
    let relay = Middlebox::relay(Seat::take(ip)?, server.address(2))?;
    let run = Probe::of(&server)?
        .kinds(server.port(1), SessionKind::ALL)
        .kinds(relay.port(), SessionKind::ALL)
        .run()?;
    run.expect_exit(1)?
        .expect_port(server.port(1), VerdictId::Reachable)?
        .expect_port(relay.port(), VerdictId::RedirectedToOtherPort)?;
    for probe in run.of_port(relay.port())? {
        let reached = server.port(2).to_string();
        ensure!(
            probe.verdict.claim.contains(&reached),
            "{}",
            probe.verdict.claim
        );
    }
    server.stop().map(drop)
}

/// If the server's pin does not match, all ports get one verdict with one claim, in the table, in every file and in the
/// exit code.
///
/// The certificate may have been replaced, the connection string may belong to another server, or the answering host
/// may not be the server at all.
fn pin_of_another_server(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let run = Probe::with(server.connection().with_another_pin())?
        .kinds(server.port(1), SessionKind::ALL)
        .args(["--format", "hpc-step-result"])
        .run()?;
    run.expect_exit(3)?.expect_all(VerdictId::ServerUnproven)?;
    ensure!(run.document()?.summary.exit_code == 3, "{}", run.text());
    let claims: BTreeSet<&str> = run
        .document()?
        .probes
        .iter()
        .map(|p| p.verdict.claim.as_str())
        .collect();
    ensure!(claims.len() == 1, "not one statement: {}", run.text());
    ensure!(
        run.document()?.probes.iter().all(|p| p.findings.is_empty()),
        "findings of a run that proves nothing: {}",
        run.text()
    );
    let told = &run.finished.stdout;
    ensure!(
        told.contains("Warning") && !told.contains("Success"),
        "{told}"
    );
    server.stop().map(drop)
}

fn all_kinds_on_two_ports(server: &EchoServer) -> anyhow::Result<Probe> {
    let probe = Probe::of(server)?;
    Ok(probe
        .kinds(server.port(1), SessionKind::ALL)
        .kinds(server.port(2), SessionKind::ALL))
}

fn undecided(probe: Probe, id: VerdictId) -> anyhow::Result<()> {
    probe.run()?.expect_exit(3)?.expect_all(id)?;
    Ok(())
}

/// The idle timeout in seconds: after this time, nothing more is expected.
const SILENCE: u8 = 4;
