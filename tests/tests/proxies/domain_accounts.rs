//! The authentication schemes of Windows domains, with third-party checkers behind the proxy: Samba's ntlm_auth for
//! NTLM (bare and inside Negotiate), and MIT's KDC for Kerberos.

use std::path::Path;

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::{Manner, Middlebox};
use fwprobe_tests::real_kdc::RealKdc;
use fwprobe_tests::real_proxy::{RealProxy, Setting};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, Probe, Run, Seat, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

use super::real::{BASIC, REQUIRED, SECRET, V4, server, silent};

pub(crate) fn trials() -> Trials {
    const SAMBA: [Need; 2] = [Need::Tool("squid"), Need::Tool("ntlm_auth")];
    let kerberos = || [RealKdc::NEEDS.as_slice(), &[Need::Tool("squid")]].concat();
    Trials::of("domain_accounts")
        .needing(SAMBA, "ntlm", || {
            by_samba("ntlm", "squid-2.5-ntlmssp", "NTLM")
        })
        .needing(SAMBA, "ntlm_inside_negotiate", || {
            by_samba("negotiate", "gss-spnego", "Negotiate with NTLM")
        })
        .needing(
            [SAMBA.as_slice(), &[Need::Tool("haproxy")]].concat(),
            "a_balancer_splits_the_dialogue",
            a_balancer_splits,
        )
        .needing(
            [Need::Tool("squid")],
            "a_challenge_without_target_information",
            without_target_information,
        )
        .once(
            "a_connection_closed_after_the_challenge",
            closed_after_challenge,
        )
        .needing(kerberos(), "kerberos", kerberos_by_every_name)
        .needing(kerberos(), "the_kdc_refuses_the_password", the_kdc_refuses)
        .needing(kerberos(), "the_ticket_is_for_another_proxy", another_proxy)
        .needing(
            [kerberos(), vec![Need::Tool("htpasswd")]].concat(),
            "a_weaker_scheme_where_no_kdc_is_known",
            no_kdc_is_known,
        )
        .needing(kerberos(), "the_kdc_is_down", the_kdc_is_down)
}

/// Runs without an account, with a wrong password, and with the right one.
fn by_samba(scheme: &str, protocol: &str, method: &str) -> anyhow::Result<()> {
    let server = server(V4)?;
    let setting = Setting::on(V4)?;
    setting.file("smb.conf", "[global]\nworkgroup = FWPROBE\n")?;
    // ntlm_auth knows the password and asks no domain controller; its checks are the same.
    let proxy = setting.squid(&format!(
        "http_port {{PORT}}\nauth_param {scheme} program /usr/bin/ntlm_auth \
         --configfile={{DIR}}/smb.conf --helper-protocol={protocol} --domain=FWPROBE \
         --username=prober --password={SECRET}\n\
         auth_param {scheme} children 1\n{REQUIRED}"
    ))?;
    let run = over(&server, &proxy, "127.0.0.1")?
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "no credentials were given")?;
    for user in ["prober", "FWPROBE\\prober", "prober@fwprobe.test"] {
        let run = over(&server, &proxy, "127.0.0.1")?
            .variable(CREDENTIALS, format!("{user}:another-secret"))
            .port(server.port(1), SessionKind::Tls)
            .run()?;
        turned_away(&run, "did not accept")?;
        claims(&run, method)?;
        silent(&run, "another-secret")?;
        let run = over(&server, &proxy, "127.0.0.1")?
            .variable(CREDENTIALS, format!("{user}:{SECRET}"))
            .kinds(server.port(1), SessionKind::ALL)
            .run()?;
        run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
        tried(&run, &[method])?;
        silent(&run, SECRET)?;
    }
    server.stop().map(drop)
}

/// The credentials are right, but each request reaches the proxy over another connection: the next step must not
/// mention only the password.
fn a_balancer_splits() -> anyhow::Result<()> {
    let server = server(V4)?;
    let setting = Setting::on(V4)?;
    setting.file("smb.conf", "[global]\nworkgroup = FWPROBE\n")?;
    let proxy = setting.squid(&format!(
        "http_port {{PORT}}\nauth_param ntlm program /usr/bin/ntlm_auth \
         --configfile={{DIR}}/smb.conf --helper-protocol=squid-2.5-ntlmssp --domain=FWPROBE \
         --username=prober --password={SECRET}\n\
         auth_param ntlm children 1\n{REQUIRED}"
    ))?;
    let balancer = Setting::on(V4)?;
    let text = format!(
        "defaults\n mode http\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n \
         option http-server-close\n http-reuse never\n\
         listen proxies\n bind {}\n server one {}\n",
        balancer.address(),
        proxy.address()
    );
    let file = balancer.file("haproxy.cfg", &text)?;
    let file = file.to_str().context("a path in UTF-8")?.to_owned();
    let balancer = balancer.start("haproxy", &["-db", "-f", &file])?;
    let run = over(&server, &balancer, "127.0.0.1")?
        .variable(CREDENTIALS, format!("FWPROBE\\prober:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "NTLM")?;
    for probe in &run.document()?.probes {
        let verdict = &probe.verdict;
        let next = verdict.next_step.as_deref().unwrap_or_default();
        ensure!(next.contains("balancer"), "{verdict:?}");
        ensure!(!verdict.claim.contains("can use none"), "{verdict:?}");
    }
    silent(&run, SECRET)?;
    server.stop().map(drop)
}

fn without_target_information() -> anyhow::Result<()> {
    let server = server(V4)?;
    let proxy = Setting::on(V4)?.squid(&format!(
        "http_port {{PORT}}\nauth_param ntlm program /usr/lib/squid/ntlm_fake_auth\n\
         auth_param ntlm children 1\n{REQUIRED}"
    ))?;
    let run = over(&server, &proxy, "127.0.0.1")?
        .variable(CREDENTIALS, format!("FWPROBE\\prober:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "no target information")?;
    tried(&run, &[])?;
    server.stop().map(drop)
}

/// The proxy never sees the password, so the next step is about the connection.
fn closed_after_challenge() -> anyhow::Result<()> {
    let server = server(V4)?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, Manner::ClosesAfterChallenge)?;
    let via = format!("http://127.0.0.1:{}", proxy.port());
    let run = Probe::of(&server)?
        .args(["--via", &via])
        .variable(CREDENTIALS, format!("FWPROBE\\prober:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(
        &run,
        "closes the connection that it is about to authenticate",
    )?;
    tried(&run, &[])?;
    for probe in &run.document()?.probes {
        let next = probe.verdict.next_step.as_deref().unwrap_or_default();
        ensure!(next.starts_with("ask the proxy team why"), "{next}");
        ensure!(next.contains("one unbroken connection"), "{next}");
        ensure!(!next.contains("password"), "{next}");
    }
    silent(&run, SECRET)?;
    server.stop().map(drop)
}

fn kerberos_by_every_name() -> anyhow::Result<()> {
    let server = server(V4)?;
    let kdc = RealKdc::start("prober", SECRET, "HTTP/localhost")?;
    let proxy = Setting::on(V4)?.squid(&checks_tickets(&kdc, ""))?;
    for user in ["FWPROBE.TEST\\prober", "prober@FWPROBE.TEST"] {
        let run = with_kdc(&server, &proxy, kdc.configuration())?
            .variable(CREDENTIALS, format!("{user}:{SECRET}"))
            .kinds(server.port(1), SessionKind::ALL)
            .run()?;
        run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
        tried(&run, &["Negotiate with Kerberos"])?;
        silent(&run, SECRET)?;
    }
    server.stop().map(drop)
}

/// After a refusal by the KDC nothing weaker is tried, because each attempt counts towards a lockout.
fn the_kdc_refuses() -> anyhow::Result<()> {
    let server = server(V4)?;
    let kdc = RealKdc::start("prober", SECRET, "HTTP/localhost")?;
    let proxy = Setting::on(V4)?.squid(&checks_tickets(&kdc, BASIC))?;
    let run = with_kdc(&server, &proxy, kdc.configuration())?
        .variable(CREDENTIALS, "prober@FWPROBE.TEST:another-secret")
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "the KDC does not accept the password")?;
    tried(&run, &[])?;
    silent(&run, "another-secret")?;
    server.stop().map(drop)
}

/// The ticket is for the name by which the client calls the proxy, but the proxy has the key of another name.
fn another_proxy() -> anyhow::Result<()> {
    let server = server(V4)?;
    let kdc = RealKdc::start("prober", SECRET, "HTTP/elsewhere.test")?;
    let proxy = Setting::on(V4)?.squid(&checks_tickets(&kdc, ""))?;
    let run = with_kdc(&server, &proxy, kdc.configuration())?
        .variable(CREDENTIALS, format!("FWPROBE.TEST\\prober:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "server not found in Kerberos database")?;
    silent(&run, SECRET)?;
    server.stop().map(drop)
}

fn no_kdc_is_known() -> anyhow::Result<()> {
    let server = server(V4)?;
    let kdc = RealKdc::start("prober", SECRET, "HTTP/localhost")?;
    let setting = Setting::on(V4)?;
    let users = setting.directory().join("users").display().to_string();
    setting.prepare("htpasswd", &["-cbB", &users, "prober@nowhere.test", SECRET])?;
    let proxy = setting.squid(&checks_tickets(&kdc, BASIC))?;
    let run = with_kdc(&server, &proxy, kdc.configuration())?
        .variable(CREDENTIALS, format!("prober@nowhere.test:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "in clear")?;
    tried(&run, &[])?;
    let run = with_kdc(&server, &proxy, kdc.configuration())?
        .arg("--proxy-password-in-clear")
        .variable(CREDENTIALS, format!("prober@nowhere.test:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    tried(&run, &["Basic"])?;
    silent(&run, SECRET)?;
    server.stop().map(drop)
}

fn the_kdc_is_down() -> anyhow::Result<()> {
    let server = server(V4)?;
    let kdc = RealKdc::start("prober", SECRET, "HTTP/localhost")?;
    let shut = ShutPort::take(V4)?;
    let proxy = Setting::on(V4)?.squid(&checks_tickets(&kdc, ""))?;
    let run = with_kdc(&server, &proxy, kdc.configuration())?
        .variable("SSPI_KDC_URL", format!("tcp://127.0.0.1:{}", shut.port()))
        .variable(CREDENTIALS, format!("prober@FWPROBE.TEST:{SECRET}"))
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    turned_away(&run, "KDC")?;
    claims(&run, "could not be reached")?;
    claims(&run, "could not authenticate")?;
    server.stop().map(drop)
}

/// Returns the configuration of a squid that checks tickets with MIT's library; `others` are further schemes.
fn checks_tickets(kdc: &RealKdc, others: &str) -> String {
    let (configuration, keytab) = (kdc.configuration().display(), kdc.keytab().display());
    format!(
        "http_port {{PORT}}\n\
         auth_param negotiate program /usr/bin/env KRB5_CONFIG={configuration} \
         KRB5RCACHENAME=none: /usr/lib/squid/negotiate_kerberos_auth -k {keytab} -s \
         GSS_C_NO_NAME\n\
         auth_param negotiate children 1\n{others}{REQUIRED}"
    )
}

/// Returns a run that names the proxy by host name, as Kerberos requires.
fn with_kdc(server: &EchoServer, proxy: &RealProxy, configuration: &Path) -> anyhow::Result<Probe> {
    Ok(over(server, proxy, "localhost")?.variable("KRB5_CONFIG", configuration))
}

fn over(server: &EchoServer, proxy: &RealProxy, host: &str) -> anyhow::Result<Probe> {
    let via = format!("http://{host}:{}", proxy.address().port());
    Ok(Probe::of(server)?.args(["--via", &via]))
}

fn tried(run: &Run, methods: &[&str]) -> anyhow::Result<()> {
    for probe in &run.document()?.probes {
        let proxy = probe.measurement.proxy.as_ref();
        let tried = proxy.map(|p| p.authentication.tried.as_slice());
        ensure!(tried.is_some_and(|t| t == methods), "{tried:?}");
    }
    Ok(())
}

/// Checks that the proxy requires authentication on every path, and that `words` in the claim say why it failed.
fn turned_away(run: &Run, words: &str) -> anyhow::Result<()> {
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    claims(run, words)
}

fn claims(run: &Run, words: &str) -> anyhow::Result<()> {
    for probe in &run.document()?.probes {
        let claim = &probe.verdict.claim;
        ensure!(claim.contains(words), "`{words}` is not in: {claim}");
    }
    Ok(())
}

const CREDENTIALS: &str = "FWPROBE_PROXY_CREDENTIALS";
