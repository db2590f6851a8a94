//! Intercepted TLS: it is detected, and the report names the issuer of the certificate.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Middlebox, Onward};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Authority, Probe, Run, Seat, ServerPlan};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("interception")
        .on_both_families("relayed_in_a_tls_session_of_its_own", relayed_in_tls)
        .on_both_families("relayed_in_clear_text", relayed_in_clear_text)
        .on_both_families(
            "a_wall_that_makes_certificates",
            a_wall_that_makes_certificates,
        )
        .on_both_families("a_plain_relay_is_none", a_plain_relay_is_none)
}

fn relayed_in_tls(ip: IpAddr) -> anyhow::Result<()> {
    relayed(ip, Onward::Tls, &WITH_TLS)
}

/// The device relays decrypted TLS in clear text. Only kinds that begin with TLS are tested: X.224 and MC-NMF negotiate
/// TLS first, and a server that has agreed to TLS accepts nothing else.
fn relayed_in_clear_text(ip: IpAddr) -> anyhow::Result<()> {
    relayed(ip, Onward::Plain, &[SessionKind::Tls, SessionKind::Https])
}

fn relayed(ip: IpAddr, onward: Onward, kinds: &[SessionKind]) -> anyhow::Result<()> {
    let authority = Arc::new(Authority::new()?);
    let (server, devices) = ServerPlan::on(ip).start_behind(&[()], |seat, upstream, ()| {
        Middlebox::interceptor(seat, upstream, Arc::clone(&authority), onward)
    })?;
    let run = Probe::of(&server)?
        .kinds(devices[0].port(), kinds.iter().copied())
        .run()?;
    intercepted(&run)?;
    for probe in &run.document()?.probes {
        let relayed = probe
            .measurement
            .session
            .as_ref()
            .is_some_and(|s| s.testimony.is_some());
        ensure!(
            relayed,
            "nothing was relayed, so nothing was tested:\n{}",
            run.text()
        );
    }
    server.stop().map(drop)
}

fn a_wall_that_makes_certificates(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).start()?;
    let wall = Middlebox::minting_wall(Seat::take(ip)?, Arc::new(Authority::new()?))?;
    let kinds = [SessionKind::Tls, SessionKind::Https];
    intercepted(&Probe::of(&server)?.kinds(wall.port(), kinds).run()?)?;
    server.stop().map(drop)
}

/// The same path without interception is reachable: relaying alone is not reported as interception.
fn a_plain_relay_is_none(ip: IpAddr) -> anyhow::Result<()> {
    let (server, devices) = ServerPlan::on(ip)
        .start_behind(&[()], |seat, upstream, ()| Middlebox::relay(seat, upstream))?;
    let run = Probe::of(&server)?
        .kinds(devices[0].port(), SessionKind::ALL)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    for probe in &run.document()?.probes {
        run.expect_finding(probe, probe_core::catalogue::FindingId::ConnectionRelayed)?;
    }
    server.stop().map(drop)
}

fn intercepted(run: &Run) -> anyhow::Result<()> {
    run.expect_exit(1)?.expect_all(VerdictId::TlsIntercepted)?;
    for probe in &run.document()?.probes {
        ensure!(
            probe.verdict.claim.contains(Authority::NAME),
            "the issuer is not named: {}",
            probe.verdict.claim
        );
    }
    Ok(())
}

const WITH_TLS: [SessionKind; 4] = [
    SessionKind::Tls,
    SessionKind::Https,
    SessionKind::Rdp,
    SessionKind::Nettcp,
];
