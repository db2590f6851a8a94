//! The user's credentials for a proxy: where they are taken from, which are refused, and that they are not revealed.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Manner, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Authority, Probe, Seat, ServerPlan, ShutPort};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::session_kind::SessionKind;

use super::paths::url;
use super::real::{SECRET, silent};

pub(crate) fn trials() -> Trials {
    Trials::of("credentials")
        .once("by_basic_from_everywhere", by_basic_from_everywhere)
        .once("a_wrong_password_is_sent_once", || {
            a_wrong_password_is_sent_once("http", basic())
        })
        .once("a_wrong_password_is_sent_once_by_socks", || {
            a_wrong_password_is_sent_once("socks5h", socks())
        })
        .once("a_late_refusal_is_waited_for", a_late_refusal_is_waited_for)
        .once(
            "what_gets_no_answer_is_sent_twice",
            what_gets_no_answer_is_sent_twice,
        )
        .once("an_answer_is_no_acceptance", an_answer_is_no_acceptance)
        .once(
            "another_port_may_be_let_through",
            another_port_may_be_let_through,
        )
        .once("by_socks_from_a_file", by_socks_from_a_file)
        .once("over_tls_to_the_proxy", over_tls_to_the_proxy)
        .once(
            "a_self_signed_proxy_is_believed_by_name",
            a_self_signed_proxy_is_believed_by_name,
        )
        .once("a_domain_account_goes_not_in_clear", || {
            a_domain_account_goes_not_in_clear("http", domain_basic())
        })
        .once("a_domain_account_goes_not_in_clear_by_socks", || {
            let only = Some((DOMAIN_USER.to_owned(), SECRET.to_owned()));
            a_domain_account_goes_not_in_clear("socks5h", Manner::Socks5 { only })
        })
        .once(
            "the_environment_names_the_proxy",
            the_environment_names_the_proxy,
        )
        .once("wrong_places", wrong_places)
}

pub(crate) fn basic() -> Manner {
    Manner::Basic {
        user: "prober".to_owned(),
        password: SECRET.to_owned(),
    }
}

fn socks() -> Manner {
    let only = Some(("prober".to_owned(), SECRET.to_owned()));
    Manner::Socks5 { only }
}

fn by_basic_from_everywhere() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, basic())?;
    let via = url("http", V4, proxy.port());
    let probe = || -> anyhow::Result<Probe> {
        let probe = Probe::of(&server)?.args(["--via", via.as_str()]);
        Ok(probe.kinds(server.port(1), SessionKind::ALL))
    };
    let from_variable = probe()?.variable("FWPROBE_PROXY_CREDENTIALS", format!("prober:{SECRET}"));
    let with_file = probe()?;
    let file = with_file.file("credentials", &format!("prober:{SECRET}\n"))?;
    let with_file = with_file.arg("--proxy-credentials-file").arg(file);
    for probe in [from_variable, with_file] {
        let run = probe.run()?;
        run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
        silent(&run, SECRET)?;
        for probe in &run.document()?.probes {
            let used = probe
                .measurement
                .proxy
                .as_ref()
                .map(|p| &p.authentication.tried);
            ensure!(used.is_some_and(|t| *t == ["Basic"]), "{used:?}");
        }
    }
    server.stop().map(drop)
}

/// A wrong password is sent once by all the probes of a run together.
fn a_wrong_password_is_sent_once(scheme: &str, manner: Manner) -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, manner)?;
    let run = Probe::of(&server)?
        .args(["--via", &url(scheme, V4, proxy.port())])
        .kinds(server.port(1), SessionKind::ALL)
        .variable("FWPROBE_PROXY_CREDENTIALS", "prober:another-secret")
        .run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    for probe in &run.document()?.probes {
        let claim = &probe.verdict.claim;
        ensure!(claim.contains("did not accept"), "{claim}");
        ensure!(claim.contains("sent once"), "{claim}");
    }
    ensure!(
        proxy.strikes() == 1,
        "it was sent {} times",
        proxy.strikes()
    );
    silent(&run, "another-secret")?;
    server.stop().map(drop)
}

/// All other dialogues are waiting when the refusal arrives.
fn a_late_refusal_is_waited_for() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let all = u32::try_from(SessionKind::ALL.len())?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, Manner::refuses_late(all))?;
    let run = Probe::of(&server)?
        .args(["--via", &url("http", V4, proxy.port())])
        .kinds(server.port(1), SessionKind::ALL)
        .variable("FWPROBE_PROXY_CREDENTIALS", "prober:another-secret")
        .run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    ensure!(
        proxy.strikes() == 1,
        "it was sent {} times",
        proxy.strikes()
    );
    server.stop().map(drop)
}

/// The proxy would refuse the credentials, but too late. They are sent twice at most, because a third attempt might
/// lock the account.
fn what_gets_no_answer_is_sent_twice() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let never = Manner::refuses_late(u32::MAX);
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, never)?;
    let run = Probe::of(&server)?
        .idle_timeout(SILENCE)
        .args(["--via", &url("http", V4, proxy.port())])
        .kinds(server.port(1), SessionKind::ALL)
        .variable("FWPROBE_PROXY_CREDENTIALS", "prober:another-secret")
        .run()?;
    run.expect_exit(3)?.expect_all(VerdictId::Inconclusive)?;
    ensure!(
        proxy.strikes() == 2,
        "they were sent {} times",
        proxy.strikes()
    );
    let told = |p: &probe_documents::Probe| {
        let mut seen = p.verdict.evidence.iter();
        seen.any(|fact| fact.contains("not sent again"))
    };
    ensure!(run.document()?.probes.iter().any(told), "{}", run.text());
    server.stop().map(drop)
}

/// Whatever the answer to the request with credentials, no other request sends them as if they had been accepted.
fn an_answer_is_no_acceptance() -> anyhow::Result<()> {
    let cases = [
        // tinyproxy answers a wrong password like this.
        (
            "HTTP/1.1 401 Unauthorized\r\nServer: tinyproxy/1.11.1\r\n\r\n",
            1,
        ),
        ("HTTP/1.1 511 Network Authentication Required\r\n\r\n", 1),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", 2),
        ("HTTP/1.1 500 Internal Server Error\r\n\r\n", 2),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 2),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n",
            2,
        ),
        ("no answer that a proxy gives", 2),
        ("", 2),
    ];
    let server = ServerPlan::on(V4).ports(1).start()?;
    for (answer, most) in cases {
        let manner = Manner::AnswersCredentials(answer.as_bytes().to_vec());
        let proxy = Middlebox::proxy(Seat::take(V4)?, V4, manner)?;
        let run = Probe::of(&server)?
            .args(["--via", &url("http", V4, proxy.port())])
            .kinds(server.port(1), SessionKind::ALL)
            .variable("FWPROBE_PROXY_CREDENTIALS", "prober:another-secret")
            .run()?;
        ensure!(
            proxy.strikes() == most,
            "{answer:?}: they were sent {} times",
            proxy.strikes()
        );
        if most == 1 {
            run.expect_exit(1)?
                .expect_all(VerdictId::ProxyAuthenticationRequired)?;
        }
        let told = |p: &probe_documents::Probe| {
            let mut said = p.verdict.evidence.iter().chain([&p.verdict.claim]);
            said.any(|fact| fact.contains("sent once") || fact.contains("not sent again"))
        };
        ensure!(run.document()?.probes.iter().any(told), "{}", run.text());
        silent(&run, "another-secret")?;
    }
    server.stop().map(drop)
}

/// A failure beyond the proxy shows that the credentials were accepted, so the other probes send them too.
fn another_port_may_be_let_through() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let shut = [(); 3].map(|()| ShutPort::take(V4));
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, basic())?;
    let mut probe = Probe::of(&server)?
        .args(["--via", &url("http", V4, proxy.port())])
        .variable("FWPROBE_PROXY_CREDENTIALS", format!("prober:{SECRET}"));
    let shut: Vec<ShutPort> = shut.into_iter().collect::<anyhow::Result<_>>()?;
    for port in &shut {
        probe = probe.port(port.port(), SessionKind::Tls);
    }
    let run = probe.port(server.port(1), SessionKind::Tls).run()?;
    run.expect_port(server.port(1), VerdictId::Reachable)?;
    for port in &shut {
        run.expect_port(port.port(), VerdictId::ProxyCouldNotConnect)?;
    }
    server.stop().map(drop)
}

fn by_socks_from_a_file() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, socks())?;
    let probe = Probe::of(&server)?.args(["--via", &url("socks5h", V4, proxy.port())]);
    let file = probe.file("credentials", &format!("prober:{SECRET}\r\n"))?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
    let run = probe
        .arg("--proxy-credentials-file")
        .arg(file)
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    silent(&run, SECRET)?;
    let warned = run.finished.stderr.contains("can be read by other users");
    ensure!(warned, "no warning: {}", run.finished.stderr);
    server.stop().map(drop)
}

fn over_tls_to_the_proxy() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let authority = Authority::new()?;
    let manner = Manner::ConnectInTls(authority.issue("127.0.0.1")?);
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, manner)?;
    let probe = Probe::of(&server)?
        .args(["--via", &url("https", V4, proxy.port())])
        .kinds(server.port(1), SessionKind::ALL);
    let file = probe.file("authority.pem", authority.pem())?;
    let run = probe.arg("--proxy-ca").arg(file).run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    server.stop().map(drop)
}

/// Like curl with `--proxy-cacert`, fwprobe accepts a self-signed certificate given as `--proxy-ca`, even if it is
/// marked as a CA, but only for its own name. The messages contain no programmers' terms.
fn a_self_signed_proxy_is_believed_by_name() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let cases = [
        ("127.0.0.1", VerdictId::Reachable),
        ("proxy.example", VerdictId::ProxyUnreachable),
    ];
    for (name, verdict) in cases {
        let (certificate, pem) = Authority::self_signed(name)?;
        let manner = Manner::ConnectInTls(certificate);
        let proxy = Middlebox::proxy(Seat::take(V4)?, V4, manner)?;
        let given = |probe: Probe, pem: &str| -> anyhow::Result<Probe> {
            let file = probe.file("proxy.pem", pem)?;
            Ok(probe.arg("--proxy-ca").arg(file))
        };
        let probe = || -> anyhow::Result<Probe> {
            let via = url("https", V4, proxy.port());
            let probe = Probe::of(&server)?.args(["--via", &via]);
            Ok(probe.port(server.port(1), SessionKind::Tls))
        };
        let run = given(probe()?, &pem)?.run()?;
        run.expect_all(verdict)?;
        // Another self-signed certificate for the same name is not accepted.
        let (_, another) = Authority::self_signed(name)?;
        let others = given(probe()?, &another)?.run()?;
        others.expect_all(VerdictId::ProxyUnreachable)?;
        for run in [run, others] {
            let json = run.json.clone().unwrap_or_default();
            for debug in ["OtherError", "DnsName(", "UnknownIssuer", "CaUsed"] {
                ensure!(!json.contains(debug), "{debug}: {}", run.text());
            }
        }
    }
    server.stop().map(drop)
}

/// A domain account's password is not sent in clear without the user's permission. With the permission, a finding says
/// that the password was readable on the way.
fn a_domain_account_goes_not_in_clear(scheme: &str, manner: Manner) -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, manner)?;
    let probe = || -> anyhow::Result<Probe> {
        let probe = Probe::of(&server)?.args(["--via", &url(scheme, V4, proxy.port())]);
        let probe = probe.kinds(server.port(1), [SessionKind::Tls, SessionKind::Tcp]);
        Ok(probe.variable(
            "FWPROBE_PROXY_CREDENTIALS",
            format!("{DOMAIN_USER}:{SECRET}"),
        ))
    };
    let run = probe()?.run()?;
    run.expect_exit(1)?
        .expect_all(VerdictId::ProxyAuthenticationRequired)?;
    for probe in &run.document()?.probes {
        let proxy = probe.measurement.proxy.as_ref();
        let sent = proxy.is_none_or(|p| !p.authentication.tried.is_empty());
        ensure!(!sent, "they were sent");
        let next = probe.verdict.next_step.as_deref().unwrap_or_default();
        ensure!(next.contains("--proxy-password-in-clear"), "{next}");
    }
    ensure!(proxy.strikes() == 0, "they were sent");
    silent(&run, SECRET)?;
    let run = probe()?.arg("--proxy-password-in-clear").run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    for probe in &run.document()?.probes {
        run.expect_finding(probe, FindingId::ProxyPasswordInClear)?;
    }
    server.stop().map(drop)
}

fn domain_basic() -> Manner {
    Manner::Basic {
        user: DOMAIN_USER.to_owned(),
        password: SECRET.to_owned(),
    }
}

/// The proxy's URL contains the credentials, percent-encoded; NO_PROXY exempts one of two hosts.
fn the_environment_names_the_proxy() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, basic())?;
    let url = format!(
        "http://prober:p%3Aw%40rd%2F100%25@127.0.0.1:{}",
        proxy.port()
    );
    let run = Probe::of(&server)?
        .args([
            "--via",
            "env",
            "--host",
            "127.0.0.1",
            "--host",
            "echo.invalid",
        ])
        .variable("HTTPS_PROXY", url)
        .variable("NO_PROXY", "localhost,127.0.0.0/8")
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    silent(&run, SECRET)?;
    for probe in &run.document()?.probes {
        let direct = probe.measurement.path.is_direct();
        ensure!(
            direct == (probe.measurement.host == "127.0.0.1"),
            "{}",
            run.text()
        );
    }
    ensure!(run.document()?.probes.len() == 2, "{}", run.text());
    server.stop().map(drop)
}

/// Each mistake gives exit code 2 and a reason, and does not repeat the secret.
fn wrong_places() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let cases: [(&[&str], &str, &str); 4] = [
        (
            &["--via", "http://prober:sesame@proxy:1"],
            "",
            "--proxy-credentials-file",
        ),
        (&["--via", "http://proxy:1"], "sesame", "user:password"),
        (
            &["--proxy-credentials-file", "/nowhere/sesame-file"],
            "",
            "cannot be read",
        ),
        (&["--ask-proxy-credentials"], "", "needs a terminal"),
    ];
    for (arguments, variable, named) in cases {
        let mut probe = Probe::of(&server)?
            .args(arguments.iter().copied())
            .port(server.port(1), SessionKind::Tls);
        if !variable.is_empty() {
            probe = probe.variable("FWPROBE_PROXY_CREDENTIALS", variable);
        }
        let run = probe.run()?;
        ensure!(run.finished.code()? == 2, "{}", run.text());
        let told = &run.finished.stderr;
        ensure!(told.contains(named), "{told}");
        ensure!(
            !told.replace("sesame-file", "").contains("sesame"),
            "{told}"
        );
    }
    server.stop().map(drop)
}

const DOMAIN_USER: &str = "FWPROBE\\prober";

/// The idle timeout in seconds; the proxy never answers, so the run waits this long.
const SILENCE: u8 = 2;

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
