//! Every session kind through every kind of proxy, compared with the direct path.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Manner, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{EchoServer, Probe, Run, Seat, ServerPlan};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;

pub(crate) fn trials() -> Trials {
    Trials::of("paths")
        .on_both_families("every_kind_by_connect", |ip| {
            every_kind(ip, "http", Manner::Connect)
        })
        .on_both_families("every_kind_by_socks5", |ip| {
            every_kind(ip, "socks5", Manner::Socks5 { only: None })
        })
        .on_both_families("every_kind_by_socks5h", |ip| {
            every_kind(ip, "socks5h", Manner::Socks5 { only: None })
        })
        .on_both_families(
            "a_name_that_only_the_proxy_knows",
            a_name_that_only_the_proxy_knows,
        )
        .on_both_families(
            "the_control_channel_goes_through",
            the_control_channel_goes_through,
        )
}

/// Runs every kind directly and through the proxy: all are reachable, and half of the probes went through the proxy.
fn every_kind(ip: IpAddr, scheme: &str, manner: Manner) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, manner)?;
    let run = beside_direct(&server, &url(scheme, ip, proxy.port()))?
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    let (direct, proxied) = by_path(&run)?;
    ensure!(
        direct == SessionKind::ALL.len() && proxied == direct,
        "{direct} probes were direct and {proxied} proxied:\n{}",
        run.text()
    );
    // The control port is probed too, so there is at least one more tunnel.
    ensure!(
        proxy.strikes() > proxied,
        "{} tunnels were made",
        proxy.strikes()
    );
    for probe in run.of_port(server.port(1))? {
        let nettcp = probe.measurement.rule.session == SessionKind::Nettcp;
        if nettcp && !probe.measurement.path.is_direct() {
            run.expect_finding(probe, FindingId::ApplicationIgnoresProxy)?;
        }
        ensure!(
            probe
                .findings
                .iter()
                .all(|f| f.id != FindingId::ConnectionRelayed),
            "a proxy is no surprise:\n{}",
            run.text()
        );
    }
    server.stop().map(drop)
}

/// Only the proxy can resolve the name, and the client does not look it up.
fn a_name_that_only_the_proxy_knows(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    for (scheme, manner) in [
        ("http", Manner::Connect),
        ("socks5h", Manner::Socks5 { only: None }),
    ] {
        let proxy = Middlebox::proxy(Seat::take(ip)?, ip, manner)?;
        let run = Probe::of(&server)?
            .args(["--host", NO_NAME, "--via", &url(scheme, ip, proxy.port())])
            .kinds(server.port(1), SessionKind::ALL)
            .run()?;
        run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
        for probe in &run.document()?.probes {
            ensure!(probe.measurement.address.is_none(), "{}", run.text());
        }
    }
    let run = Probe::of(&server)?
        .args(["--host", NO_NAME, "--via", "socks5://127.0.0.1:1"])
        .port(server.port(1), SessionKind::Tcp)
        .run()?;
    run.expect_exit(1)?.expect_all(VerdictId::NameNotResolved)?;
    server.stop().map(drop)
}

/// A port on which nothing listens is decided by the server's report, which arrives through the proxy.
fn the_control_channel_goes_through(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, Manner::Connect)?;
    let shut = fwprobe_tests::ShutPort::take(ip)?;
    let run = Probe::of(&server)?
        .args(["--via", &url("http", ip, proxy.port())])
        .port(server.port(1), SessionKind::Tls)
        .port(shut.port(), SessionKind::Tcp)
        .run()?;
    run.expect_exit(1)?
        .expect_port(server.port(1), VerdictId::Reachable)?
        .expect_port(shut.port(), VerdictId::ProxyCouldNotConnect)?;
    server.stop().map(drop)
}

/// Returns a run over two paths: the direct one, and `via`.
pub(crate) fn beside_direct(server: &EchoServer, via: &str) -> anyhow::Result<Probe> {
    Ok(Probe::of(server)?.args(["--via", "direct", "--via", via]))
}

/// Checks that `port` is reachable directly, and has the verdict `proxied` in `segment` through the proxy.
pub(crate) fn expect_beside_direct(
    run: &Run,
    port: u16,
    proxied: VerdictId,
    segment: Segment,
) -> anyhow::Result<()> {
    let probes = run.of_port(port)?;
    ensure!(probes.len() == 2, "not two paths:\n{}", run.text());
    for probe in probes {
        if probe.measurement.path.is_direct() {
            run.expect(probe, VerdictId::Reachable)?;
            continue;
        }
        run.expect(probe, proxied)?;
        let blamed = &probe.verdict.segment;
        ensure!(*blamed == segment, "{blamed:?} is blamed");
    }
    Ok(())
}

/// Checks that the evidence of the probes of `port` contains `words` if they went through the proxy, and otherwise not.
pub(crate) fn expect_evidence_of_proxied(run: &Run, port: u16, words: &str) -> anyhow::Result<()> {
    for probe in run.of_port(port)? {
        let evidence = &probe.verdict.evidence;
        let told = evidence.iter().any(|e| e.contains(words));
        ensure!(told != probe.measurement.path.is_direct(), "{evidence:?}");
    }
    Ok(())
}

pub(crate) fn url(scheme: &str, ip: IpAddr, port: u16) -> String {
    format!("{scheme}://{}", std::net::SocketAddr::new(ip, port))
}

fn by_path(run: &Run) -> anyhow::Result<(usize, usize)> {
    let probes = &run.document()?.probes;
    let direct = probes
        .iter()
        .filter(|p| p.measurement.path.is_direct())
        .count();
    Ok((direct, probes.len() - direct))
}

/// A name that no resolver may resolve (RFC 6761 section 6.4).
const NO_NAME: &str = "echo.invalid";
