//! A stranger in the server's place: the port is never reachable, and the claim quotes what the stranger sent.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::ensure;
use fwprobe_tests::middlebox::Middlebox;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Authority, Identity, Place, Probe, Run, Seat, ServerPlan, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("strangers")
        .on_both_families("a_plain_echo_service", |ip| {
            beside_the_server(ip, Middlebox::plain_echo, "echo")
        })
        .on_both_families("a_web_server", |ip| {
            beside_the_server(ip, Middlebox::web_server, "stranger/1.0")
        })
        .on_both_families("a_web_server_with_tls", |ip| {
            beside_the_server(ip, tls_web_server, "")
        })
        .on_both_families("a_plain_echo_service_alone", |ip| {
            alone(ip, Middlebox::plain_echo)
        })
        .on_both_families("a_web_server_alone", |ip| alone(ip, Middlebox::web_server))
        .on_both_families("a_web_server_with_tls_alone", |ip| {
            alone(ip, tls_web_server)
        })
}

type Stranger = fn(Seat) -> anyhow::Result<Middlebox>;

fn tls_web_server(seat: Seat) -> anyhow::Result<Middlebox> {
    Middlebox::tls_web_server(seat, &Arc::new(Authority::new()?))
}

/// The server itself runs too, on its control port.
fn beside_the_server(ip: IpAddr, stranger: Stranger, named: &str) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).start()?;
    let stranger = stranger(Seat::take(ip)?)?;
    let run = Probe::of(&server)?
        .kinds(stranger.port(), SessionKind::ALL)
        .run()?;
    found_out(&run)?;
    for probe in run.of_port(stranger.port())? {
        ensure!(
            probe.verdict.claim.contains(named),
            "the claim does not say who answers ({named}): {}",
            probe.verdict.claim
        );
    }
    server.stop().map(drop)
}

/// No server runs at all.
fn alone(ip: IpAddr, stranger: Stranger) -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    let stranger = stranger(Seat::take(ip)?)?;
    let shut = ShutPort::take(ip)?;
    let connection = identity.connection().clone().with_control_port(shut.port());
    found_out(
        &Probe::with(connection)?
            .kinds(stranger.port(), SessionKind::ALL)
            .run()?,
    )
}

fn found_out(run: &Run) -> anyhow::Result<()> {
    run.expect_exit(1)?
        .expect_all(VerdictId::AnsweredByStranger)?;
    Ok(())
}
