//! Everything that can go wrong with a proxy, each with its own cause.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::middlebox::{Manner, Middlebox};
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Probe, Run, Seat, ServerPlan, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::{Confidence, Segment};

use super::paths::{beside_direct, expect_beside_direct, expect_evidence_of_proxied, url};

pub(crate) fn trials() -> Trials {
    CASES.iter().fold(
        Trials::of("causes")
            .on_both_families("refused", refused)
            .once("its_name_is_unknown", its_name_is_unknown)
            .on_both_families("says_200_and_passes_nothing", says_200_and_passes_nothing)
            .on_both_families("swallows_beside_direct", swallows_beside_direct)
            .on_both_families("silent", silent)
            .on_both_families(
                "socks_closes_beside_a_port_that_passes",
                socks_closes_beside,
            ),
        |trials, case| trials.once(case.name, || told(case, [127, 0, 0, 1].into())),
    )
}

/// A proxy's behaviour, and the expected verdict.
struct Case {
    name: &'static str,
    scheme: &'static str,
    manner: fn() -> Manner,
    verdict: VerdictId,
    /// The texts that the claim must contain.
    claim: &'static [&'static str],
}

fn told(case: &Case, ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, (case.manner)())?;
    let mut probe = Probe::of(&server)?
        .args(["--via", &url(case.scheme, ip, proxy.port())])
        .port(server.port(1), SessionKind::Tls);
    if case.verdict == VerdictId::ProxyNameNotResolved {
        probe = probe.args(["--host", "echo.invalid"]);
    }
    let run = probe.run()?;
    expect(&run, case.verdict, case.claim)?;
    server.stop().map(drop)
}

fn expect(run: &Run, verdict: VerdictId, claim: &[&str]) -> anyhow::Result<()> {
    run.expect_all(verdict)?;
    for probe in &run.document()?.probes {
        for words in claim {
            ensure!(
                probe.verdict.claim.contains(words),
                "`{words}` is not in: {}",
                probe.verdict.claim
            );
        }
        ensure!(probe.verdict.next_step.is_some(), "no next step");
    }
    Ok(())
}

fn refused(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let shut = ShutPort::take(ip)?;
    let run = beside_direct(&server, &url("http", ip, shut.port()))?
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(1)?;
    expect_beside_direct(
        &run,
        server.port(1),
        VerdictId::ProxyUnreachable,
        Segment::Proxy,
    )?;
    // The success of the direct session is evidence against the proxy.
    expect_evidence_of_proxied(&run, server.port(1), "path direct")?;
    server.stop().map(drop)
}

fn its_name_is_unknown() -> anyhow::Result<()> {
    let ip = [127, 0, 0, 1].into();
    let server = ServerPlan::on(ip).ports(1).start()?;
    let run = Probe::of(&server)?
        .args(["--via", "http://proxy.invalid:3128"])
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(1)?;
    expect(
        &run,
        VerdictId::ProxyUnreachable,
        &["cannot resolve proxy.invalid"],
    )?;
    server.stop().map(drop)
}

fn says_200_and_passes_nothing(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, Manner::Swallows)?;
    let run = Probe::of(&server)?
        .idle_timeout(SILENCE)
        .args(["--via", &url("http", ip, proxy.port())])
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(3)?;
    expect(&run, VerdictId::Inconclusive, &["nothing comes through"])?;
    server.stop().map(drop)
}

/// With a direct path in the same run, the server can be asked whether a connection arrived.
///
/// The run's direct sessions, and their handshakes, are not taken for connections through the proxy.
fn swallows_beside_direct(ip: IpAddr) -> anyhow::Result<()> {
    let mut server = ServerPlan::on(ip).ports(1).start()?;
    server.grow_old()?;
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, Manner::Swallows)?;
    let run = beside_direct(&server, &url("http", ip, proxy.port()))?
        .idle_timeout(SILENCE)
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(1)?;
    expect_beside_direct(
        &run,
        server.port(1),
        VerdictId::AnsweredByMiddlebox,
        Segment::Proxy,
    )?;
    server.stop().map(drop)
}

fn silent(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, Manner::Silent)?;
    let run = Probe::of(&server)?
        .idle_timeout(SILENCE)
        .args(["--via", &url("http", ip, proxy.port())])
        .port(server.port(1), SessionKind::Tls)
        .run()?;
    run.expect_exit(3)?;
    expect(&run, VerdictId::Inconclusive, &["said nothing within"])?;
    server.stop().map(drop)
}

/// `ssh -D` and pproxy close like this when the destination port refuses the connection.
fn socks_closes_beside(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let shut = ShutPort::take(ip)?;
    let manner = Manner::SocksCloses {
        on: Some(shut.port()),
    };
    let proxy = Middlebox::proxy(Seat::take(ip)?, ip, manner)?;
    let run = Probe::of(&server)?
        .args(["--via", &url("socks5", ip, proxy.port())])
        .port(server.port(1), SessionKind::Tls)
        .port(shut.port(), SessionKind::Tls)
        .run()?;
    run.expect_port(server.port(1), VerdictId::Reachable)?;
    run.expect_port(shut.port(), VerdictId::ProxyCouldNotConnect)?;
    let verdict = &run.one(shut.port())?.verdict;
    ensure!(verdict.confidence == Confidence::Medium, "{verdict:?}");
    ensure!(
        !verdict.claim.contains("no request was sent"),
        "{verdict:?}"
    );
    server.stop().map(drop)
}

fn says(text: &str) -> Manner {
    Manner::Says(text.as_bytes().to_vec())
}

const CASES: [Case; 30] = [
    Case {
        name: "denied_by_policy",
        scheme: "http",
        manner: || {
            says("HTTP/1.1 403 Forbidden\r\nServer: guard/1\r\nVia: 1.1 guard\r\n\r\n<p>No.")
        },
        verdict: VerdictId::ProxyDenied,
        claim: &["by policy", "403 Forbidden"],
    },
    Case {
        name: "wants_authentication",
        scheme: "http",
        manner: || {
            says(
                "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Negotiate, NTLM\r\n\
                 Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
            )
        },
        verdict: VerdictId::ProxyAuthenticationRequired,
        claim: &["Negotiate, NTLM, Basic", "no credentials were given"],
    },
    Case {
        name: "cannot_resolve",
        scheme: "http",
        manner: || says("HTTP/1.1 503 X\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n"),
        verdict: VerdictId::ProxyNameNotResolved,
        claim: &["cannot resolve"],
    },
    Case {
        name: "cannot_resolve_by_rfc_9209",
        scheme: "http",
        manner: || {
            says("HTTP/1.1 502 X\r\nProxy-Status: p; error=dns_error; rcode=NXDOMAIN\r\n\r\n")
        },
        verdict: VerdictId::ProxyNameNotResolved,
        claim: &["cannot resolve"],
    },
    Case {
        name: "cannot_resolve_as_privoxy_says_it",
        scheme: "http",
        manner: || says("HTTP/1.1 404 No such domain\r\nServer: Privoxy\r\n\r\n<html><head>"),
        verdict: VerdictId::ProxyNameNotResolved,
        claim: &["cannot resolve", "404 No such domain"],
    },
    Case {
        name: "cannot_resolve_as_apache_says_it",
        scheme: "http",
        manner: || {
            says(
                "HTTP/1.1 502 Proxy Error\r\nServer: Apache/2.4\r\nContent-Type: \
                 text/html\r\n\r\n\
                 <!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>502 \
                 Proxy Error</title>\n</head><body>\n<h1>Proxy Error</h1>\n<p>The proxy server \
                 could not handle the request<p>Reason: <strong>DNS lookup failure for: \
                 localhost</strong></p></p>\n",
            )
        },
        verdict: VerdictId::ProxyNameNotResolved,
        claim: &["cannot resolve"],
    },
    Case {
        name: "cannot_resolve_as_mitmproxy_says_it",
        scheme: "http",
        manner: || {
            says(
                "HTTP/1.1 502 Bad Gateway\r\nServer: mitmproxy 8.1.1\r\n\r\n<html><body><h1>502 \
                 Bad Gateway</h1><p>[Errno -2] Name or service not known</p></body></html>",
            )
        },
        verdict: VerdictId::ProxyNameNotResolved,
        claim: &["cannot resolve"],
    },
    Case {
        name: "wants_a_sign_in_to_the_network",
        scheme: "http",
        manner: || says("HTTP/1.1 511 Network Authentication Required\r\n\r\n<p>Sign in"),
        verdict: VerdictId::ProxyAuthenticationRequired,
        claim: &["signed in to the network", "511"],
    },
    Case {
        name: "asks_as_a_web_server_does",
        scheme: "http",
        manner: || says("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n"),
        verdict: VerdictId::ProxyAuthenticationRequired,
        claim: &["as a web server does", "401 Unauthorized"],
    },
    Case {
        name: "socks_closes_on_the_request",
        scheme: "socks5h",
        manner: || Manner::SocksCloses { on: None },
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["ended without an answer"],
    },
    Case {
        name: "not_found_and_no_more",
        scheme: "http",
        manner: || says("HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n<html>"),
        verdict: VerdictId::ProxyUnreachable,
        claim: &["web server", "CONNECT"],
    },
    Case {
        name: "could_not_connect",
        scheme: "http",
        manner: || says("HTTP/1.1 503 X\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\r\n"),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["its connection was refused"],
    },
    Case {
        name: "has_no_way_on",
        scheme: "http",
        manner: || says("HTTP/1.1 503 X\r\nX-Squid-Error: ERR_CANNOT_FORWARD 0\r\n\r\n"),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["cannot forward", "parent proxy"],
    },
    Case {
        name: "could_not_connect_whatever_the_status",
        scheme: "http",
        manner: || says("HTTP/1.1 403 X\r\nX-Squid-Error: ERR_READ_TIMEOUT 110\r\n\r\n"),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["tried and could not connect", "no answer in time"],
    },
    Case {
        name: "denies_whatever_the_status",
        scheme: "http",
        manner: || says("HTTP/1.1 503 X\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n"),
        verdict: VerdictId::ProxyDenied,
        claim: &["by policy"],
    },
    Case {
        name: "does_not_serve_such_requests",
        scheme: "http",
        manner: || says("HTTP/1.1 501 X\r\nX-Squid-Error: ERR_UNSUP_REQ 0\r\n\r\n"),
        verdict: VerdictId::ProxyDenied,
        claim: &["did not try it"],
    },
    Case {
        name: "is_in_trouble_itself",
        scheme: "http",
        manner: || says("HTTP/1.1 503 X\r\nX-Squid-Error: ERR_SHUTTING_DOWN 0\r\n\r\n"),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["did not connect", "shutting down"],
    },
    Case {
        name: "gave_up_waiting",
        scheme: "http",
        manner: || says("HTTP/1.1 504 Gateway Timeout\r\n\r\n"),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["no answer in time"],
    },
    Case {
        name: "points_to_a_page",
        scheme: "http",
        manner: || says("HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n"),
        verdict: VerdictId::ProxyDenied,
        claim: &["points to http://login.example/"],
    },
    Case {
        name: "a_web_server",
        scheme: "http",
        manner: || says("HTTP/1.1 405 Method Not Allowed\r\nServer: nginx\r\n\r\n"),
        verdict: VerdictId::ProxyUnreachable,
        claim: &["web server", "CONNECT"],
    },
    Case {
        name: "a_page_without_a_head",
        scheme: "http",
        manner: || says("<html><body>Welcome</body></html>"),
        verdict: VerdictId::ProxyUnreachable,
        claim: &["not a proxy of this kind", "<html>"],
    },
    Case {
        name: "a_page_behind_200",
        scheme: "http",
        manner: || says("HTTP/1.1 200 OK\r\n\r\n<html><body>Welcome</body></html>"),
        verdict: VerdictId::AnsweredByStranger,
        claim: &["not the echo server"],
    },
    Case {
        name: "tls_is_wanted",
        scheme: "http",
        manner: || Manner::Says(b"\x15\x03\x01\x00\x02\x02\x46".to_vec()),
        verdict: VerdictId::ProxyUnreachable,
        claim: &["speaks TLS", "https://"],
    },
    Case {
        name: "a_head_without_end",
        scheme: "http",
        manner: || Manner::EndlessHead,
        verdict: VerdictId::ProxyUnreachable,
        claim: &["does not end"],
    },
    Case {
        name: "closes_when_asked",
        scheme: "http",
        manner: || Manner::Closes,
        verdict: VerdictId::ProxyUnreachable,
        claim: &["drops the request", "ended without an answer"],
    },
    Case {
        name: "socks_without_connect",
        scheme: "socks5h",
        manner: || Manner::SocksReply(7),
        verdict: VerdictId::ProxyDenied,
        claim: &["SOCKS reply 7"],
    },
    Case {
        name: "socks_rule",
        scheme: "socks5h",
        manner: || Manner::SocksReply(2),
        verdict: VerdictId::ProxyDenied,
        claim: &["not allowed by its rules"],
    },
    Case {
        name: "socks_refused",
        scheme: "socks5",
        manner: || Manner::SocksReply(5),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["connection refused"],
    },
    Case {
        name: "socks_takes_no_names",
        scheme: "socks5h",
        manner: || Manner::SocksReply(8),
        verdict: VerdictId::ProxyCouldNotConnect,
        claim: &["socks5://"],
    },
    Case {
        name: "socks_wants_a_password",
        scheme: "socks5h",
        manner: || Manner::Socks5 {
            only: Some(("user".to_owned(), "secret".to_owned())),
        },
        verdict: VerdictId::ProxyAuthenticationRequired,
        claim: &["none of the methods"],
    },
];

/// The idle timeout in seconds: after this time, nothing more is expected.
const SILENCE: u8 = 5;
