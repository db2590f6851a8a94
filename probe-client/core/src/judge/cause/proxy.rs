//! The causes that lie with the proxy: it is not reached (`proxy-unreachable`), it refuses or fails (`refusal.rs`), or
//! it reports that it is connected and no byte comes through.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::observation::{Failure, FailureKind, Operation, Origin};
use crate::path::{ProxyAddress, ProxyScheme};
use crate::verdict::{Confidence, Segment, Verdict};

use super::name_not_resolved::resolver_step;
use super::tls_intercepted;

mod refusal;
mod unanswered;

/// Judges a probe that did not get a connection to the server from the proxy.
pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Proxy(operation, failure) = evidence.ending() else {
        return None;
    };
    let refusal = evidence
        .probe
        .proxy
        .as_ref()
        .and_then(|p| p.refusal.as_ref());
    let mut verdict = match (operation, refusal) {
        (Operation::ProxyResolve, _) if failure.kind == FailureKind::ResolverFailed => {
            resolver_failed(evidence, failure)?
        }
        (Operation::ProxyResolve, _) => unresolved(evidence)?,
        (Operation::ProxyTls, _) => tls(evidence, failure)?,
        (Operation::ProxyNegotiation, Some(refusal)) => refusal::judge(evidence, refusal)?,
        (Operation::ProxyNegotiation, None) => unanswered::judge(evidence, failure)?,
        _ => not_connected(evidence, failure)?,
    };
    verdict.evidence.extend(evidence.seen());
    Some(also(verdict, evidence))
}

/// Judges a proxy that reported that it is connected, if the other end then never sent a byte.
pub(super) fn tunnel(evidence: &Evidence<'_>) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    // The server's sighting of the connection says more.
    let (Ending::NoData(..), None) = (evidence.ending(), evidence.sighting()) else {
        return None;
    };
    let target = evidence.target();
    let mut verdict = if evidence.never_seen() {
        Verdict::new(
            VerdictId::AnsweredByMiddlebox,
            Segment::Proxy,
            Confidence::High,
            format!(
                "the proxy {proxy} says that it is connected to {target}, but no such connection \
                 reached the server"
            ),
        )
        .because("the server looked for the connection and saw none")
        .unless(Alternative::BehindTheProxy)
        .next(format!(
            "ask the proxy team what {proxy} does with CONNECT to {target}: it reports success \
             without a connection, or hands it to another device"
        ))
    } else {
        nothing_comes_through(evidence, proxy)
    };
    verdict.evidence.extend(evidence.seen());
    Some(also(verdict, evidence))
}

/// Returns `inconclusive` for a proxy that may have connected to the server; the server could not be asked.
fn nothing_comes_through(evidence: &Evidence<'_>, proxy: &ProxyAddress) -> Verdict {
    let target = evidence.target();
    let verdict = Verdict::new(
        VerdictId::Inconclusive,
        Segment::Unknown,
        Confidence::Low,
        format!(
            "the proxy {proxy} says that it is connected to {target}, and then nothing comes \
             through: either it does not pass the bytes on, or they are lost behind it"
        ),
    );
    let Some(port) = tls_intercepted::decrypted_port(evidence) else {
        return verdict.next(format!(
            "ask the proxy team for the log of {proxy} about {target}; have one port of the server \
             let through completely, so that the server can be asked what it saw"
        ));
    };
    verdict
        .because(format!(
            "over the same path TLS to port {port} is decrypted; a device that decrypts may close \
             or hold what does not begin with TLS"
        ))
        .next(format!(
            "ask the proxy team for the log of {proxy} about {target}, and the team that runs TLS \
             inspection to exempt {target} from decryption; then run it again"
        ))
}

/// Returns `verdict` with the results of the same rule over other paths, and of other rules over this path.
fn also(mut verdict: Verdict, evidence: &Evidence<'_>) -> Verdict {
    verdict.evidence.extend(evidence.others_work());
    verdict.evidence.extend(evidence.other_paths_work());
    verdict
}

fn unreachable(evidence: &Evidence<'_>, segment: Segment, what: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    Some(Verdict::new(
        VerdictId::ProxyUnreachable,
        segment,
        Confidence::High,
        format!("the proxy {proxy} {what}; no request was sent to it"),
    ))
}

fn unresolved(evidence: &Evidence<'_>) -> Option<Verdict> {
    let host = &evidence.proxy()?.host;
    let what =
        format!("cannot be dialled: its name has no address (this host cannot resolve {host})");
    let verdict = unreachable(evidence, Segment::ThisHost, &what)?;
    Some(verdict.next(format!(
        "check the spelling of {host}, then ask the DNS team of this host to resolve it, or give \
         the proxy's address instead of its name"
    )))
}

/// Returns `inconclusive`, because the resolver did not say that the proxy's name has no address.
fn resolver_failed(evidence: &Evidence<'_>, failure: &Failure) -> Option<Verdict> {
    let host = &evidence.proxy()?.host;
    let why = failure.text.as_deref().unwrap_or("no reason given");
    Some(
        Verdict::new(
            VerdictId::Inconclusive,
            Segment::ThisHost,
            Confidence::High,
            format!(
                "this host's resolver failed, so whether the proxy's name {host} has an address is \
                 not known ({why}); no request was sent to the proxy"
            ),
        )
        .next(resolver_step(host)),
    )
}

/// Judges a TCP connection to the proxy that failed.
fn not_connected(evidence: &Evidence<'_>, failure: &Failure) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let at = proxy.authority();
    if let Some(verdict) = lost_before_it(evidence, failure) {
        return Some(verdict);
    }
    if failure.origin == Origin::ThisHost && failure.kind == FailureKind::LocalResource {
        return Some(exhausted(&at));
    }
    let (segment, what, step) = unreached(evidence, failure, &at);
    // Only an answer in the proxy's protocol shows that the proxy itself acted. A device before it may have refused or
    // dropped the connection.
    let in_its_place = matches!(failure.kind, FailureKind::Refused | FailureKind::TimedOut)
        && segment == Segment::Proxy;
    let verdict = unreachable(evidence, segment, &what)?;
    Some(
        verdict
            .unless_all(in_its_place.then_some(Alternative::BeforeTheProxy))
            .next(step),
    )
}

/// Returns the segment, what happened and the next step, if the TCP connection to the proxy at `at` failed.
fn unreached(evidence: &Evidence<'_>, failure: &Failure, at: &str) -> (Segment, String, String) {
    match (failure.origin, failure.kind) {
        (Origin::ThisHost, FailureKind::PermissionDenied) => (
            Segment::ThisHost,
            "cannot be dialled: this host's own firewall forbids it".to_owned(),
            format!("ask the admin of this host to allow outbound TCP to {at}"),
        ),
        (Origin::ThisHost, _) => (
            Segment::ThisHost,
            "cannot be dialled: this host has no route to it".to_owned(),
            "check this host's routing table for the proxy's address (`ip route get`, `route \
             print`)"
                .to_owned(),
        ),
        (
            Origin::Icmp {
                sender,
                icmp_type,
                code,
            },
            _,
        ) => (
            Segment::Path {
                hop: None,
                address: Some(sender),
            },
            format!(
                "is not reached: {sender} answers with an ICMP error (type {icmp_type} code \
                     {code})"
            ),
            format!(
                "ask the team that runs {sender} to let TCP from {} to {at} through",
                evidence.client()
            ),
        ),
        (_, FailureKind::Refused) => (
            Segment::Proxy,
            "refuses the connection (RST): nothing listens there, or a device rejects it"
                .to_owned(),
            format!(
                "check the proxy's port with the proxy team, and that its service runs on {at}"
            ),
        ),
        (_, FailureKind::TimedOut) => (
            Segment::Proxy,
            "does not answer: it is down, or something on the way to it drops the SYN".to_owned(),
            format!(
                "ask the proxy team whether {at} is still its address and whether it is up, and \
                 the firewall team whether TCP from {} to {at} is let through, replies included",
                evidence.client()
            ),
        ),
        (_, _) => (
            Segment::Proxy,
            format!("is not reached: {}", failure.kind.describe()),
            format!("check {at} with the proxy team"),
        ),
    }
}

/// Returns `inconclusive` if a limit on connections or loss may be the reason. Either the proxy accepted other
/// connections of the same run, so it is up; or it accepted none and did not answer, and other paths lose SYNs of this
/// host as well, because of their number.
fn lost_before_it(evidence: &Evidence<'_>, failure: &Failure) -> Option<Verdict> {
    if !matches!(failure.kind, FailureKind::TimedOut | FailureKind::Refused) {
        return None;
    }
    let all = evidence.same_server.iter();
    let taken = all.filter(|m| m.succeeded(Operation::ProxyConnect)).count();
    let silent = failure.kind == FailureKind::TimedOut;
    let by_number = silent && evidence.working_ports_over_other_paths_lose_syns();
    if (taken == 0 && !by_number)
        || matches!(failure.origin, Origin::ThisHost | Origin::Icmp { .. })
    {
        return None;
    }
    let proxy = evidence.proxy()?;
    let at = proxy.authority();
    let how = if failure.kind == FailureKind::Refused {
        "refuses (RST)"
    } else {
        "does not answer"
    };
    let (beside, fact) = if taken > 0 {
        (
            "takes other connections of the same run: a limit on connections to it, or loss",
            format!("the proxy took {taken} other connections in this run"),
        )
    } else {
        (
            "other SYNs of this host are lost as well when many are sent: a limit on connections, \
             or the proxy is down",
            "over another path, some SYNs of this run were answered and others were lost"
                .to_owned(),
        )
    };
    Some(
        Verdict::new(
            VerdictId::Inconclusive,
            Segment::Unknown,
            Confidence::Low,
            format!(
                "what stops {} is not decided: the proxy {proxy} {how} this connection, and \
                 {beside}; no request was sent to it",
                evidence.target()
            ),
        )
        .because(fact)
        .next(format!(
            "run it again for this port alone (--port); if it passes then, ask the firewall and \
             proxy teams about a limit on the number or pace of connections from this host to \
             {at}"
        )),
    )
}

fn exhausted(at: &str) -> Verdict {
    Verdict::new(
        VerdictId::Inconclusive,
        Segment::ThisHost,
        Confidence::High,
        format!("this host ran out of sockets or ports before the proxy {at} was dialled"),
    )
    .next("raise the limit of open files, or probe fewer rules at a time")
}

/// Judges a failure of TLS to the proxy itself.
fn tls(evidence: &Evidence<'_>, failure: &Failure) -> Option<Verdict> {
    let certificate = evidence.probe.proxy.as_ref()?.certificate.as_ref();
    let why = failure.text.as_deref().unwrap_or("no reason given");
    let (what, step) = match (failure.kind, certificate) {
        (FailureKind::TlsFailed, Some(certificate)) => (
            format!(
                "shows a certificate that is not accepted: {why} ({})",
                certificate.described(),
            ),
            "use the name that the certificate is for; if it is self-signed, or a company's own \
             authority issued it, give that certificate with --proxy-ca FILE",
        ),
        (FailureKind::TlsFailed, None) => (
            format!("does not open a TLS session: {why}"),
            "ask the proxy team whether that port expects TLS; most proxies do not, and are \
             written http://…",
        ),
        (kind, _) => (
            format!(
                "takes the connection, but TLS to it fails: {}",
                kind.describe()
            ),
            "ask the proxy team whether that port expects TLS; most proxies do not, and are \
             written http://…",
        ),
    };
    let verdict = unreachable(evidence, Segment::Proxy, &what)?.unless(Alternative::BeforeTheProxy);
    Some(verdict.next(step))
}

fn protocol(scheme: ProxyScheme) -> &'static str {
    match scheme {
        ProxyScheme::Http => "HTTP CONNECT",
        ProxyScheme::Https => "HTTP CONNECT over TLS",
        ProxyScheme::Socks5 | ProxyScheme::Socks5h => "SOCKS 5",
    }
}
