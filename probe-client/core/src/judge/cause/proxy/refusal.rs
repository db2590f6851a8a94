//! `proxy-authentication-required`, `proxy-denied`, `proxy-could-not-connect` and `proxy-name-not-resolved`: the proxy
//! refused a connection, and said why.

use std::net::IpAddr;

use super::protocol;
use crate::catalogue::VerdictId;
use crate::judge::evidence::Evidence;
use crate::proxy::{HttpRefusal, ProxyAuthentication, ProxyRefusal, SquidError};
use crate::session::Quoted;
use crate::verdict::{Confidence, Segment, Verdict};

mod squid;

pub(super) fn judge(evidence: &Evidence<'_>, refusal: &ProxyRefusal) -> Option<Verdict> {
    match refusal {
        ProxyRefusal::Status(http) => status(evidence, http),
        ProxyRefusal::SocksReply { code } => socks(evidence, *code),
        ProxyRefusal::SocksMethods => {
            authentication(evidence, "it accepts none of the SOCKS methods offered")
        }
        ProxyRefusal::SocksCredentials => authentication(evidence, "SOCKS user and password"),
        ProxyRefusal::Foreign { quoted } => foreign(evidence, quoted),
        ProxyRefusal::HeadTooLong { limit } => {
            let what = format!("sends a head that does not end within {limit} bytes");
            not_a_proxy(evidence, &what, Confidence::Medium)
        }
    }
}

fn status(evidence: &Evidence<'_>, http: &HttpRefusal) -> Option<Verdict> {
    let said = http.status_line();
    let verdict = match (http.status, http.squid()) {
        (401, _) if !credentials_sent(evidence) => asks_as_a_web_server(evidence, &said)?,
        (401 | 407, _) => authentication(evidence, &said)?,
        (511, _) => sign_in(evidence, http, &said)?,
        _ if says_unresolved(http) => unresolved(evidence, &said, Confidence::High)?,
        _ if http.unresolved.is_some() && asked_by_name(evidence) => {
            unresolved(evidence, &said, Confidence::Medium)?
        }
        (_, Some(error)) => squid::judge(evidence, error, &said)?,
        (400 | 404 | 405 | 501, None) if !marked(http) => {
            not_connect(evidence, http.status, &said)?
        }
        (300..=399, None) => own_page(evidence, http, &said)?,
        (status @ 500..=599, None) => could_not(evidence, &format!("\"{said}\"{}", why(status)))?,
        (_, None) => denied(evidence, &said)?,
    };
    Some(quote(verdict, http))
}

fn credentials_sent(evidence: &Evidence<'_>) -> bool {
    let account = evidence.probe.proxy.as_ref();
    account.is_some_and(|account| !account.authentication.tried.is_empty())
}

fn asked_by_name(evidence: &Evidence<'_>) -> bool {
    let account = evidence.probe.proxy.as_ref();
    account.is_some_and(|account| account.host_asked.parse::<IpAddr>().is_err())
}

/// Judges a status that web servers return for CONNECT, and that some proxies return for requests that they cannot or
/// will not serve.
fn not_connect(evidence: &Evidence<'_>, status: u16, said: &str) -> Option<Verdict> {
    let is_proxy = evidence.same_server.iter().any(|m| m.connected());
    let verdict = match (is_proxy, status) {
        (true, 404) => could_not(evidence, &format!("\"{said}\"")),
        (true, _) => denied(evidence, said),
        (false, _) => {
            let what = format!("answers as a web server that does not know CONNECT (\"{said}\")");
            return not_a_proxy(evidence, &what, Confidence::Medium);
        }
    };
    let verdict = verdict?.because("another port passes through the same proxy");
    let confidence = Confidence::Medium;
    Some(Verdict {
        confidence,
        ..verdict
    })
}

/// Judges status 401 (RFC 9110 section 15.5.2), if no credentials were sent: a proxy asks for them with status 407.
fn asks_as_a_web_server(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!(
        "{proxy} requires authentication for {target}, but as a web server does (\"{said}\"), not \
         as a proxy does (407): it is not a proxy, or one that does not take proxy credentials"
    );
    let id = VerdictId::ProxyAuthenticationRequired;
    Some(Verdict::new(id, Segment::Proxy, Confidence::Medium, claim).next(format!(
        "check scheme, address and port of the proxy with the proxy team; if it is their proxy, \
         ask how a program signs in there, or for an exemption of this host for {target}"
    )))
}

/// Judges status 511, which asks for a sign-in to the network (RFC 6585 section 6).
fn sign_in(evidence: &Evidence<'_>, http: &HttpRefusal, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let page = http.location.as_deref().unwrap_or("any web page");
    let claim = format!(
        "the proxy {proxy} does not connect to {target} until somebody has signed in to the \
         network (\"{said}\")"
    );
    let id = VerdictId::ProxyAuthenticationRequired;
    Some(
        Verdict::new(id, Segment::Proxy, Confidence::High, claim).next(format!(
            "open {page} through {proxy} in a browser on this host to see the sign-in, and ask the \
         proxy team to exempt this host for {target}: a service cannot sign in"
        )),
    )
}

fn authentication(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let account = evidence.probe.proxy.as_ref()?;
    let (target, known) = (&account.host_asked, &account.authentication);
    let offers = match known.offered.as_slice() {
        [] if proxy.scheme.is_http() => "it names no scheme".to_owned(),
        [] => "it accepts none of the methods offered".to_owned(),
        offered => format!("it offers {}", offered.join(", ")),
    };
    let (claim, step) = match (known.tried.as_slice(), &known.trouble) {
        ([], None) => (
            format!("the proxy {proxy} requires authentication for {target} ({offers}), and no \
                     credentials were given"),
            format!(
                "give credentials with --proxy-credentials-file FILE or the variable \
                 FWPROBE_PROXY_CREDENTIALS; for services without a user, ask the proxy team to \
                 exempt this host for {target}"
            ),
        ),
        ([], Some(trouble)) if known.withheld => (
            format!("the proxy {proxy} requires authentication for {target} ({offers}), and the \
                     credentials were not sent: {trouble}"),
            "ask the proxy team for Negotiate, NTLM or Digest, for TLS to the proxy (https://), or \
             to exempt this host; or use an account that opens nothing but the proxy. \
             --proxy-password-in-clear sends the password all the same: everybody on the way to \
             the proxy can then read it"
                .to_owned(),
        ),
        ([], Some(trouble)) => (
            format!("the proxy {proxy} requires authentication for {target} ({offers}), and this \
                     host could not authenticate: {trouble}"),
            if known.cut_off { format!("{CUT_OFF} {target}") } else { CANNOT.to_owned() },
        ),
        (tried, trouble) => {
            let trouble = trouble.as_ref().map_or_else(String::new, |t| format!("; {t}"));
            let lost = if by_connection(known) {
                ", or lost track of the authentication"
            } else {
                ""
            };
            let claim = format!(
                "the proxy {proxy} did not accept the credentials for {target}{lost} (tried {}; \
                 {offers}{trouble})",
                tried.join(", ")
            );
            let step = "check user name, domain and password, whether the password has expired, \
                        and whether the account may use the proxy";
            (claim, step.to_owned())
        }
    };
    let step = if by_connection(known) {
        format!("{step}. {ONE_CONNECTION}")
    } else {
        step
    };
    let id = VerdictId::ProxyAuthenticationRequired;
    let verdict = Verdict::new(id, Segment::Proxy, Confidence::High, claim).next(step);
    Some(verdict.because(format!("the proxy's answer: {said}")))
}

/// Returns whether a scheme was tried that authenticates a connection by several messages over it (NTLM, Negotiate).
fn by_connection(known: &ProxyAuthentication) -> bool {
    let names = |text: &str| ["NTLM", "Negotiate"].iter().any(|name| text.contains(name));
    !known.withheld
        && (known.tried.iter().any(|tried| names(tried))
            || known.trouble.as_deref().is_some_and(names))
}

fn unresolved(evidence: &Evidence<'_>, said: &str, confidence: Confidence) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let host = &evidence.probe.proxy.as_ref()?.host_asked;
    let claim =
        format!("the proxy {proxy} cannot resolve {host} (\"{said}\"); this host was not asked to");
    let id = VerdictId::ProxyNameNotResolved;
    Some(
        Verdict::new(id, Segment::Proxy, confidence, claim).next(format!(
            "ask the proxy team to make {proxy} resolve {host}; to test the ports meanwhile, give \
             the server's address with --host"
        )),
    )
}

fn own_page(evidence: &Evidence<'_>, http: &HttpRefusal, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let to = http.location.as_deref().unwrap_or("a page of its own");
    let claim =
        format!("the proxy {proxy} does not connect to {target} but points to {to} (\"{said}\")");
    Some(denial(claim).next(format!(
        "open {to} to see what the proxy wants (a sign-in, an acceptance), and ask the proxy \
             team to exempt this host for {target}"
    )))
}

fn denied(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!("the proxy {proxy} refuses a connection to {target} by policy: \"{said}\"");
    Some(denial(claim).next(format!(
        "ask the proxy team to allow {} to {target} for the client {}{}",
        protocol(proxy.scheme),
        evidence.client(),
        if evidence.probe.port_dialled() == HTTPS {
            ""
        } else {
            "; many proxies allow it to port 443 alone"
        }
    )))
}

/// The port to which proxies allow connections most often.
const HTTPS: u16 = 443;

fn denial(claim: String) -> Verdict {
    Verdict::new(
        VerdictId::ProxyDenied,
        Segment::Proxy,
        Confidence::High,
        claim,
    )
}

fn could_not(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!("the proxy {proxy} tried and could not connect to {target}: {said}");
    let id = VerdictId::ProxyCouldNotConnect;
    Some(
        Verdict::new(id, Segment::Proxy, Confidence::High, claim).next(format!(
            "ask the proxy team to try TCP to {target} from the proxy itself, and the firewall and \
             cloud teams to allow TCP from {} to {target}; if the server is the cause, every path \
             fails in the same way",
            evidence.source()
        )),
    )
}

/// Judges a SOCKS reply code (RFC 1928 section 6).
fn socks(evidence: &Evidence<'_>, code: u8) -> Option<Verdict> {
    let by_name = evidence.proxy()?.scheme.resolves_names();
    let meaning = match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 if by_name => {
            "host unreachable, which many proxies also report for a name that they \
                         cannot resolve"
        }
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired, which many proxies report when they got no answer",
        7 => "it does not know the command CONNECT",
        8 if by_name => {
            "it does not accept names, or does not accept addresses of this family: try \
             socks5://, with which this host resolves the name"
        }
        8 => "it does not accept addresses of this family",
        _ => "a code that no standard defines",
    };
    let said = format!("SOCKS reply {code}, {meaning}");
    match code {
        2 | 7 => denied(evidence, &said),
        _ => could_not(evidence, &said),
    }
}

fn foreign(evidence: &Evidence<'_>, quoted: &Quoted) -> Option<Verdict> {
    let short: String = quoted.text.chars().take(MAX_QUOTED).collect();
    if evidence.probe.proxy.as_ref()?.spoke {
        let what = format!(
            "spoke as a proxy, but its answer to the request to connect is not that of a \
             proxy: \"{short}\""
        );
        return not_a_proxy(evidence, &what, Confidence::Medium);
    }
    let what = match quoted.hex.0.as_slice() {
        [0x15 | 0x16, 3, ..] => "speaks TLS from the start: write the proxy as https://".to_owned(),
        [5, _, ..] => "speaks SOCKS 5: write the proxy as socks5h://".to_owned(),
        [b'H', b'T', b'T', b'P', ..] => {
            "speaks HTTP: if it is a proxy, write it as http://".to_owned()
        }
        _ => format!("is not a proxy of this kind: it answers \"{short}\""),
    };
    let verdict = not_a_proxy(evidence, &what, Confidence::High)?;
    Some(verdict.because(format!("it said: {short}")))
}

fn not_a_proxy(evidence: &Evidence<'_>, what: &str, confidence: Confidence) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let claim = format!("{proxy} {what}");
    let id = VerdictId::ProxyUnreachable;
    Some(
        Verdict::new(id, Segment::Proxy, confidence, claim).next(format!(
            "check scheme, address and port of the proxy with the proxy team: {} is expected there",
            protocol(proxy.scheme)
        )),
    )
}

/// Returns whether the answer has a header that only a device that handles HTTP for others adds.
fn marked(http: &HttpRefusal) -> bool {
    http.via.is_some() || http.proxy_status.is_some() || http.squid_error.is_some()
}

/// Returns whether the proxy says that it cannot resolve the name: RFC 9209 section 2.3.2 and 2.3.3, or Squid's
/// ERR_DNS_FAIL.
fn says_unresolved(http: &HttpRefusal) -> bool {
    let status = http.proxy_status.as_deref().unwrap_or_default();
    http.squid() == Some(SquidError::Unresolved)
        || ["dns_error", "dns_timeout"]
            .iter()
            .any(|error| status.contains(&format!("error={error}")))
}

/// Returns an explanation to add to a status line; empty if the line says enough.
const fn why(status: u16) -> &'static str {
    match status {
        504 => " (its connection got no answer in time)",
        503 => " (some proxies also say so when they are overloaded)",
        _ => "",
    }
}

fn quote(mut verdict: Verdict, http: &HttpRefusal) -> Verdict {
    // The reason carries the verdict, so it comes before the proxy's name.
    for (name, value) in [
        ("X-Squid-Error", &http.squid_error),
        ("Proxy-Status", &http.proxy_status),
        ("it says", &http.unresolved),
        ("Server", &http.server),
        ("Via", &http.via),
    ] {
        if let Some(value) = value {
            verdict = verdict.because(format!("{name}: {value}"));
        }
    }
    verdict
}

const CUT_OFF: &str = "ask the proxy team why the proxy closes the connection between its \
                       challenge and the answer to it, or to exempt this host for";

const CANNOT: &str = "check user name (DOMAIN\\user or user@REALM, where there is a domain) and \
                      password; else ask the proxy team for a scheme that can be used from here, \
                      or to exempt this host";

const ONE_CONNECTION: &str = "NTLM and Negotiate need one unbroken connection to the same proxy: \
                              if a load balancer is in front of the proxies, ask its team whether \
                              it spreads one client connection over several connections to them, \
                              and to keep these together (HAProxy: `mode tcp`, or `option \
                              http-keep-alive` instead of `option http-server-close`, and no \
                              `http-reuse` across clients)";

/// The maximum number of characters to quote; the JSON report contains more.
const MAX_QUOTED: usize = 80;
