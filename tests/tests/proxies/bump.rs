//! Squid with SSL-bump: a proxy that terminates TLS, or looks at the first bytes before it connects.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, ensure};
use fwprobe_tests::real_proxy::{RealProxy, Setting};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Authority, Probe, Run};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;

use super::paths::{beside_direct, url};
use super::real::{SILENCE, server};

pub(crate) fn trials() -> Trials {
    const SQUID: &[Need] = &[Need::Tool("squid")];
    Trials::of("bump")
        .needing_on_both_families(SQUID, "squid_opens_tls", squid_opens_tls)
        .needing_on_both_families(SQUID, "squid_peeks_and_passes_tls", squid_peeks)
}

/// Starts Squid with SSL-bump and `rules` for it.
fn squid_with_ssl_bump(setting: Setting, rules: &str) -> anyhow::Result<RealProxy> {
    let authority = Authority::new()?;
    let (certificate, key) = authority.own_pem();
    setting.file("ca.pem", &format!("{certificate}{key}"))?;
    let database = setting.directory().join("certificates");
    let database = database.to_str().context("a path in UTF-8")?.to_owned();
    setting.prepare(CERTGEN, &["-c", "-s", &database, "-M", "4MB"])?;
    setting.squid(&format!(
        "http_port {{PORT}} ssl-bump tls-cert={{DIR}}/ca.pem generate-host-certificates=on\n\
         sslcrtd_program {CERTGEN} -s {database} -M 4MB\nsslcrtd_children 1\n\
         http_access allow all\n{rules}"
    ))
}

/// With SSL-bump, the proxy terminates TLS with its own certificates. It closes sessions that do not begin as TLS, and
/// they do not reach the server.
fn squid_opens_tls(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let proxy = squid_with_ssl_bump(
        Setting::on(ip)?,
        "ssl_bump bump all\nsslproxy_cert_error allow all\n\
         tls_outgoing_options flags=DONT_VERIFY_PEER",
    )?;
    let via = url("http", ip, proxy.address().port());
    let run = beside_direct(&server, &via)?
        .idle_timeout(SILENCE)
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(1)?;
    // Squid 5.7 relays nothing to an IPv6 address. Its outgoing address is therefore not known, and the server cannot
    // be asked about it.
    let closed = if ip.is_ipv4() {
        VerdictId::AnsweredByMiddlebox
    } else {
        VerdictId::Inconclusive
    };
    expect_opened_by(proxy.address(), &run, closed)?;
    // Without a direct path, the server cannot be asked.
    let run = Probe::of(&server)?
        .idle_timeout(SILENCE)
        .args(["--via", &via])
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(1)?;
    expect_opened_by(proxy.address(), &run, VerdictId::Inconclusive)?;
    server.stop().map(drop)
}

/// Checks that the verdict on TLS sessions through the proxy is `tls-intercepted`, and that the verdict on other
/// sessions is `closed`. Each next step has to name the proxy at `address`, and if the proxy is not blamed, to ask for
/// an exemption from decryption.
fn expect_opened_by(address: SocketAddr, run: &Run, closed: VerdictId) -> anyhow::Result<()> {
    for probe in &run.document()?.probes {
        let (kind, verdict) = (probe.measurement.session_kind(), &probe.verdict);
        if probe.measurement.path.is_direct() {
            run.expect(probe, VerdictId::Reachable)?;
            continue;
        }
        let is_tls = matches!(kind, SessionKind::Tls | SessionKind::Https);
        let expected = if is_tls {
            VerdictId::TlsIntercepted
        } else {
            closed
        };
        run.expect(probe, expected)?;
        let next = verdict.next_step.as_deref().unwrap_or_default();
        ensure!(next.contains(&address.to_string()), "{kind}: {next}");
        let decided = verdict.segment == Segment::Proxy;
        ensure!(
            decided || next.contains("from decryption"),
            "{kind}: {verdict:?}"
        );
    }
    Ok(())
}

/// With SSL-bump set to peek, the proxy answers 200, looks at the first bytes, and connects to the server only for a
/// ClientHello.
///
/// fwprobe tries another session kind on the same port and finds that it passes, although the server never saw the
/// probe.
fn squid_peeks(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let proxy = squid_with_ssl_bump(
        Setting::on(ip)?,
        "acl first at_step SslBump1\nssl_bump peek first\nssl_bump splice all",
    )?;
    let via = url("http", ip, proxy.address().port());
    let run = Probe::of(&server)?
        .idle_timeout(SILENCE)
        .args(["--via", &via])
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(1)?;
    for probe in &run.document()?.probes {
        let verdict = &probe.verdict;
        let kind = probe.measurement.session_kind();
        if matches!(kind, SessionKind::Tls | SessionKind::Https) {
            ensure!(verdict.id == VerdictId::Reachable, "{kind}: {verdict:?}");
            continue;
        }
        let cut_off = [VerdictId::PayloadDropped, VerdictId::PayloadReset];
        ensure!(
            cut_off.contains(&verdict.id) && verdict.segment == Segment::Proxy,
            "{kind}: {}",
            run.text()
        );
        let next = verdict.next_step.as_deref().unwrap_or_default();
        ensure!(
            verdict.claim.contains("lets TLS pass") && next.contains("TLS passes"),
            "{kind}: {verdict:?}"
        );
        let advised = next.contains("NettcpOver443");
        ensure!(advised == (kind == SessionKind::Nettcp), "{kind}: {next}");
    }
    server.stop().map(drop)
}

const CERTGEN: &str = "/usr/lib/squid/security_file_certgen";
