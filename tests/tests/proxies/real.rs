//! Squid, tinyproxy and mitmproxy: third-party HTTP proxies, set up as companies do.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use fwprobe_tests::real_proxy::{RealProxy, Setting};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Authority, EchoServer, Probe, Run, ServerPlan, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::{Confidence, Segment};

use super::paths::{beside_direct, expect_beside_direct, expect_evidence_of_proxied, url};

pub(crate) fn trials() -> Trials {
    const SQUID: &[Need] = &[Need::Tool("squid")];
    const HTPASSWD: &[Need] = &[Need::Tool("squid"), Need::Tool("htpasswd")];
    const TINYPROXY: &[Need] = &[Need::Tool("tinyproxy")];
    const MITMPROXY: &[Need] = &[Need::Tool("mitmdump")];
    Trials::of("real")
        .needing_on_both_families(SQUID, "squid_lets_everything_through", squid_open)
        .needing(SQUID, "squid_allows_few_ports", squid_allows_few_ports)
        .needing(SQUID, "squid_cannot_connect", squid_cannot)
        .needing(SQUID, "squid_has_no_way_on", squid_has_no_way)
        .needing(HTPASSWD, "squid_wants_basic", || {
            squid_wants(BASIC, "Basic", SECRET)
        })
        .needing(SQUID, "squid_wants_digest", || {
            squid_wants(DIGEST, "Digest", WITHOUT_COLON)
        })
        .needing(SQUID, "squid_over_tls", squid_over_tls)
        .needing_on_both_families(TINYPROXY, "tinyproxy", tinyproxy)
        .needing_on_both_families(
            TINYPROXY,
            "tinyproxy_refuses_a_password_once",
            tinyproxy_refuses_a_password_once,
        )
        .needing_on_both_families(MITMPROXY, "mitmproxy", mitmproxy)
}

pub(crate) fn server(ip: IpAddr) -> anyhow::Result<EchoServer> {
    ServerPlan::on(ip).ports(1).start()
}

/// Runs all session kinds through the proxy, and expects all to be reachable.
pub(crate) fn all_kinds(
    server: &EchoServer,
    scheme: &str,
    proxy: &RealProxy,
) -> anyhow::Result<Run> {
    let via = format!("{scheme}://{}", proxy.address());
    let run = Probe::of(server)?
        .args(["--via", &via])
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    Ok(run)
}

pub(crate) fn one(server: &EchoServer, scheme: &str, proxy: &RealProxy) -> anyhow::Result<Probe> {
    let via = format!("{scheme}://{}", proxy.address());
    Ok(Probe::of(server)?
        .args(["--via", &via])
        .port(server.port(1), SessionKind::Tls))
}

fn squid_open(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let proxy = Setting::on(ip)?.squid("http_port {PORT}\nhttp_access allow all")?;
    all_kinds(&server, "http", &proxy)?;
    server.stop().map(drop)
}

/// As in most companies, the proxy allows CONNECT to one port only.
fn squid_allows_few_ports() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(2).start()?;
    let allowed = server.port(1);
    let lines = format!(
        "http_port {{PORT}}\nacl SSL_ports port {allowed}\nhttp_access deny CONNECT \
         !SSL_ports\nhttp_access allow all"
    );
    let proxy = Setting::on(V4)?.squid(&lines)?;
    let run = one(&server, "http", &proxy)?
        .args(["--via", "direct"])
        .port(server.port(2), SessionKind::Nettcp)
        .run()?;
    run.expect_exit(1)?
        .expect_port(allowed, VerdictId::Reachable)?;
    expect_beside_direct(&run, server.port(2), VerdictId::ProxyDenied, Segment::Proxy)?;
    expect_evidence_of_proxied(&run, server.port(2), "squid")?;
    server.stop().map(drop)
}

fn squid_cannot() -> anyhow::Result<()> {
    let server = server(V4)?;
    let shut = ShutPort::take(V4)?;
    let proxy = Setting::on(V4)?.squid("http_port {PORT}\nhttp_access allow all")?;
    let run = one(&server, "http", &proxy)?
        .port(shut.port(), SessionKind::Tcp)
        .run()?;
    run.expect_port(shut.port(), VerdictId::ProxyCouldNotConnect)?;
    let claim = &run.one(shut.port())?.verdict.claim;
    ensure!(claim.contains("refused"), "{claim}");
    server.stop().map(drop)
}

/// Squid must not connect itself and has no parent proxy, so it tries nothing and answers ERR_CANNOT_FORWARD.
fn squid_has_no_way() -> anyhow::Result<()> {
    let server = server(V4)?;
    let lines = "http_port {PORT}\nhttp_access allow all\nnever_direct allow all";
    let proxy = Setting::on(V4)?.squid(lines)?;
    let run = one(&server, "http", &proxy)?.run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyCouldNotConnect)?;
    let verdict = &run.document()?.probes[0].verdict;
    ensure!(verdict.confidence == Confidence::Medium, "{verdict:?}");
    ensure!(verdict.claim.contains("cannot forward"), "{verdict:?}");
    let next = verdict.next_step.as_deref().unwrap_or_default();
    ensure!(next.contains("never_direct"), "{next}");
    let evidence = verdict.evidence.join("\n");
    ensure!(evidence.contains("ERR_CANNOT_FORWARD"), "{evidence}");
    // A name that Squid cannot resolve ends in the same error.
    let by_name = one(&server, "http", &proxy)?.args(["--host", "echo.invalid"]);
    let claim = &by_name.run()?.document()?.probes[0].verdict.claim.clone();
    ensure!(claim.contains("an address for the name"), "{claim}");
    server.stop().map(drop)
}

/// Runs without credentials, with wrong ones, and with the right ones.
fn squid_wants(scheme_lines: &str, scheme: &str, secret: &str) -> anyhow::Result<()> {
    let server = server(V4)?;
    let setting = Setting::on(V4)?;
    let users = setting.directory().join("users");
    if scheme == "Basic" {
        let users = users.to_str().context("a path in UTF-8")?;
        setting.prepare("htpasswd", &["-cbB", users, "prober", secret])?;
    } else {
        setting.file("users", &format!("prober:{secret}\n"))?;
    }
    let proxy = setting.squid(&format!("http_port {{PORT}}\n{scheme_lines}{REQUIRED}"))?;
    let run = one(&server, "http", &proxy)?.run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    let claim = &run.document()?.probes[0].verdict.claim;
    ensure!(
        claim.contains(scheme) && claim.contains("no credentials were given"),
        "{claim}"
    );
    let run = one(&server, "http", &proxy)?
        .variable("FWPROBE_PROXY_CREDENTIALS", "prober:another-secret")
        .run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    let claim = &run.document()?.probes[0].verdict.claim;
    ensure!(claim.contains("did not accept"), "{claim}");
    silent(&run, "another-secret")?;
    let via = url("http", V4, proxy.address().port());
    let run = Probe::of(&server)?
        .args(["--via", &via])
        .variable("FWPROBE_PROXY_CREDENTIALS", format!("prober:{secret}"))
        .kinds(server.port(1), SessionKind::ALL)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    silent(&run, secret)?;
    server.stop().map(drop)
}

fn squid_over_tls() -> anyhow::Result<()> {
    let server = server(V4)?;
    let authority = Authority::new()?;
    let (certificate, key) = authority.issue_pem("127.0.0.1")?;
    let setting = Setting::on(V4)?;
    setting.file("cert.pem", &certificate)?;
    setting.file("key.pem", &key)?;
    let proxy = setting.squid(
        "https_port {PORT} tls-cert={DIR}/cert.pem tls-key={DIR}/key.pem\nhttp_access allow all",
    )?;
    let run = one(&server, "https", &proxy)?.run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyUnreachable)?;
    let claim = &run.document()?.probes[0].verdict.claim;
    ensure!(
        claim.contains("not accepted") && claim.contains(Authority::NAME),
        "{claim}"
    );
    let run = one(&server, "http", &proxy)?.run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyUnreachable)?;
    let probe = one(&server, "https", &proxy)?;
    let authority = probe.file("authority.pem", authority.pem())?;
    let run = probe
        .arg("--proxy-ca")
        .arg(authority)
        .kinds(server.port(1), [SessionKind::Http, SessionKind::Rdp])
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    server.stop().map(drop)
}

fn tinyproxy(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(2).start()?;
    let setting = Setting::on(ip)?;
    let text = format!(
        "Port {}\nListen {ip}\nTimeout 60\nConnectPort {}\n",
        setting.address().port(),
        server.port(1)
    );
    let file = setting.file("tinyproxy.conf", &text)?;
    let file = file.to_str().context("a path in UTF-8")?.to_owned();
    let proxy = setting.start("tinyproxy", &["-d", "-c", &file])?;
    all_kinds(&server, "http", &proxy)?;
    let run = one(&server, "http", &proxy)?
        .port(server.port(2), SessionKind::Tls)
        .run()?;
    run.expect_exit(1)?
        .expect_port(server.port(1), VerdictId::Reachable)?
        .expect_port(server.port(2), VerdictId::ProxyDenied)?;
    server.stop().map(drop)
}

/// tinyproxy asks for credentials with 407, and answers a wrong password with 401. Its log shows only one request with
/// the wrong password, however many ports the run dials.
fn tinyproxy_refuses_a_password_once(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let setting = Setting::on(ip)?;
    let log = setting.directory().join("log");
    let text = format!(
        "Port {}\nListen {ip}\nTimeout 60\nBasicAuth prober right\nLogFile \"{}\"\nLogLevel \
         Connect\n",
        setting.address().port(),
        log.display()
    );
    let file = setting.file("tinyproxy.conf", &text)?;
    let file = file.to_str().context("a path in UTF-8")?.to_owned();
    let proxy = setting.start("tinyproxy", &["-d", "-c", &file])?;
    let via = url("http", ip, proxy.address().port());
    let run = Probe::of(&server)?
        .args(["--via", &via])
        .kinds(server.port(1), SessionKind::ALL)
        .variable("FWPROBE_PROXY_CREDENTIALS", "prober:wrong-secret")
        .run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    for probe in &run.document()?.probes {
        let claim = &probe.verdict.claim;
        ensure!(
            claim.contains("did not accept") && claim.contains("sent once"),
            "{claim}"
        );
    }
    let log = std::fs::read_to_string(&log)?;
    // Each connection asks once without credentials (one per rule, and one for the control port); one of them then
    // sends credentials.
    let asked = log.matches("Request (file descriptor").count();
    let most = run.document()?.probes.len() + 2;
    ensure!(asked <= most, "it was asked {asked} times:\n{log}");
    silent(&run, "wrong-secret")?;
    server.stop().map(drop)
}

/// mitmproxy intercepts connections that begin with TLS, and relays all others unchanged.
fn mitmproxy(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let setting = Setting::on(ip)?;
    let (host, port) = (ip.to_string(), setting.address().port().to_string());
    let configuration = format!("confdir={}", setting.directory().display());
    let proxy = setting.start(
        "mitmdump",
        &[
            "--listen-host",
            &host,
            "--listen-port",
            &port,
            "--set",
            &configuration,
            "--ssl-insecure",
            "--quiet",
        ],
    )?;
    let via = url("http", ip, proxy.address().port());
    let run = beside_direct(&server, &via)?
        .port(server.port(1), SessionKind::Https)
        .run()?;
    run.expect_exit(1)?;
    let intercepted = VerdictId::TlsIntercepted;
    expect_beside_direct(&run, server.port(1), intercepted, Segment::Proxy)?;
    let claims = |run: &Run| -> anyhow::Result<String> {
        let probes = run.of_port(server.port(1))?;
        Ok(probes.iter().map(|p| p.verdict.claim.as_str()).collect())
    };
    ensure!(claims(&run)?.contains("CN=mitmproxy"), "{}", claims(&run)?);
    // Without a direct path to compare with, no segment is known to be at fault.
    let run = one(&server, "http", &proxy)?.run()?;
    run.expect_exit(1)?.expect_all(intercepted)?;
    let probe = run.one(server.port(1))?;
    let blamed = &probe.verdict.segment;
    ensure!(*blamed != Segment::Proxy, "{blamed:?} is blamed");
    let plain = [SessionKind::Tcp, SessionKind::Http];
    let run = Probe::of(&server)?
        .args(["--via", &via])
        .kinds(server.port(1), plain)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    server.stop().map(drop)
}

/// Checks that no output of a run contains `secret`, in clear or as Basic encodes it.
pub(crate) fn silent(run: &Run, secret: &str) -> anyhow::Result<()> {
    use base64::Engine as _;
    let token = base64::prelude::BASE64_STANDARD.encode(format!("prober:{secret}"));
    let json = run.json.clone().unwrap_or_default();
    for output in [&run.finished.stdout, &run.finished.stderr, &json] {
        for telling in [secret, &token] {
            ensure!(!output.contains(telling), "{telling} is told:\n{output}");
        }
    }
    Ok(())
}

pub(crate) const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(crate) const SECRET: &str = "p:w@rd/100%";
/// The idle timeout in seconds: after this time, nothing more is expected.
pub(crate) const SILENCE: u8 = 3;

/// A password without a colon, because Squid's helper for Digest ends passwords at a colon.
const WITHOUT_COLON: &str = "pw@rd/100%";

pub(crate) const BASIC: &str = "auth_param basic program /usr/lib/squid/basic_ncsa_auth \
                                {DIR}/users\n\
    auth_param basic realm tests\nauth_param basic children 1\n";
const DIGEST: &str = "auth_param digest program /usr/lib/squid/digest_file_auth {DIR}/users\n\
    auth_param digest realm tests\nauth_param digest children 1\n";
pub(crate) const REQUIRED: &str =
    "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all";
