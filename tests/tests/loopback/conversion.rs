//! Sessions that a device converts on the way, while the dialogue inside stays intact.
//!
//! The server is genuine and every byte of the payload arrives, but it arrives in a different form, so the port is
//! never reachable.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Conversion, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, Seat, ServerPlan};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("conversion")
        .on_both_families("plain_bytes_into_tls", |ip| {
            converted(
                ip,
                Conversion::IntoTls,
                SessionKind::Tcp,
                "arrived inside TLS",
            )
        })
        .on_both_families("plain_http_into_tls", |ip| {
            converted(
                ip,
                Conversion::IntoTls,
                SessionKind::Http,
                "arrived as https",
            )
        })
        .on_both_families("rdp_negotiation_answered_on_the_way", |ip| {
            converted(
                ip,
                Conversion::AnswersX224,
                SessionKind::Rdp,
                "arrived as tls",
            )
        })
        .on_both_families("rdp_negotiation_added_on_the_way", |ip| {
            converted(ip, Conversion::AddsX224, SessionKind::Tls, "arrived as rdp")
        })
        .on_both_families("later_requests_into_tls", |ip| {
            let what = "a later HTTP request";
            converted(
                ip,
                Conversion::LaterRequestsIntoTls,
                SessionKind::Http,
                what,
            )
        })
        .on_both_families(
            "later_requests_to_another_port",
            later_requests_to_another_port,
        )
        .on_both_families(
            "a_port_that_is_translated_as_declared",
            translated_as_declared,
        )
        .on_both_families("a_port_that_is_translated_otherwise", translated_otherwise)
}

fn converted(
    ip: IpAddr,
    conversion: Conversion,
    kind: SessionKind,
    claim: &str,
) -> anyhow::Result<()> {
    let (server, devices) = ServerPlan::on(ip)
        .start_behind(&[conversion], |seat, upstream, conversion| {
            Middlebox::converting(seat, upstream, *conversion)
        })?;
    let run = Probe::of(&server)?.port(devices[0].port(), kind).run()?;
    run.expect_exit(1)?.expect_all(VerdictId::PayloadAltered)?;
    claims(&run, claim)?;
    server.stop().map(drop)
}

fn later_requests_to_another_port(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1);
    let seat = Seat::take(ip)?;
    let server = server.behind(&seat)?.start()?;
    let other = server.address(1);
    let conversion = Conversion::LaterRequestsTo(other);
    let device = Middlebox::converting(seat, server.address(2), conversion)?;
    let run = Probe::of(&server)?
        .port(device.port(), SessionKind::Http)
        .run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::RedirectedToOtherPort)?;
    claims(&run, &format!("the server's port {}", other.port()))?;
    server.stop().map(drop)
}

/// The device listens on the port that `--map` names for the rule, and the server accepts on the rule's own port.
fn translated_as_declared(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let (rule, relay) = (
        server.port(1),
        Middlebox::relay(Seat::take(ip)?, server.address(1))?,
    );
    let run = Probe::of(&server)?
        .kinds(rule, SessionKind::ALL)
        .args(["--map".to_owned(), format!("{rule}={}", relay.port())])
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    server.stop().map(drop)
}

fn translated_otherwise(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).start()?;
    let (rule, relay) = (
        server.port(1),
        Middlebox::relay(Seat::take(ip)?, server.address(2))?,
    );
    let run = Probe::of(&server)?
        .kinds(rule, SessionKind::ALL)
        .args(["--map".to_owned(), format!("{rule}={}", relay.port())])
        .run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::RedirectedToOtherPort)?;
    server.stop().map(drop)
}

fn claims(run: &Run, words: &str) -> anyhow::Result<()> {
    for probe in &run.document()?.probes {
        ensure!(probe.verdict.claim.contains(words), "{}", run.text());
    }
    Ok(())
}
