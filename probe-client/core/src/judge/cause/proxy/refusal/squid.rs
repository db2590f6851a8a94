//! `proxy-denied`, `proxy-could-not-connect` and `proxy-name-not-resolved`, by the action that Squid reports.

use super::super::protocol;
use super::{asked_by_name, could_not, denied, unresolved};
use crate::catalogue::VerdictId;
use crate::judge::evidence::Evidence;
use crate::proxy::SquidError;
use crate::verdict::{Confidence, Segment, Verdict};

/// Judges the action that Squid reports; the HTTP status alone does not distinguish a failed connection from a fault of
/// Squid itself.
pub(super) fn judge(evidence: &Evidence<'_>, error: SquidError, said: &str) -> Option<Verdict> {
    match error {
        SquidError::ConnectionFailed(number) => {
            could_not(evidence, &format!("\"{said}\"{}", of_the_system(number)))
        }
        SquidError::NoWay => no_way(evidence, said),
        SquidError::Unresolved => unresolved(evidence, said, Confidence::High),
        SquidError::Forbidden => denied(evidence, said),
        SquidError::NotServed => not_served(evidence, said),
        SquidError::OwnTrouble(what) => own_trouble(evidence, what, said),
    }
}

/// Judges ERR_CANNOT_FORWARD, which Squid reports if it has not tried any address of the server.
fn no_way(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let (or_a_name, ask_for_a_name) = if asked_by_name(evidence) {
        let host = &evidence.probe.proxy.as_ref()?.host_asked;
        (
            ", or an address for the name",
            format!(", and whether it resolves {host}"),
        )
    } else {
        ("", String::new())
    };
    let claim = format!(
        "the proxy {proxy} cannot forward to {target}: it lacks the right to connect directly, a \
         parent proxy that answers{or_a_name} (\"{said}\")"
    );
    Some(of_the_proxy(VerdictId::ProxyCouldNotConnect, claim).next(format!(
        "ask the proxy team whether {proxy} may connect to {target} directly (Squid: never_direct, \
         always_direct), whether its parent proxies (cache_peer) answer{ask_for_a_name}"
    )))
}

fn not_served(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!(
        "the proxy {proxy} does not serve a request to connect to {target}, and did not try it: \
         \"{said}\""
    );
    Some(of_the_proxy(VerdictId::ProxyDenied, claim).next(format!(
        "ask the proxy team to allow {} to {target} for the client {}",
        protocol(proxy.scheme),
        evidence.client()
    )))
}

fn own_trouble(evidence: &Evidence<'_>, what: &str, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!("the proxy {proxy} did not connect to {target}: {what} (\"{said}\")");
    Some(of_the_proxy(VerdictId::ProxyCouldNotConnect, claim).next(format!(
        "ask the proxy team what the log of {proxy} says about {target} at this time; no firewall \
         is shown to be the cause"
    )))
}

/// Returns a verdict that rests on the proxy's report about itself, which leaves several causes open.
fn of_the_proxy(id: VerdictId, claim: String) -> Verdict {
    Verdict::new(id, Segment::Proxy, Confidence::Medium, claim)
}

/// Returns the meaning of an error number of the proxy's system, which is nearly always Linux.
const fn of_the_system(number: Option<u32>) -> &'static str {
    match number {
        Some(111) => " (its connection was refused)",
        Some(110) => " (its connection got no answer in time)",
        Some(101 | 113) => " (it has no route there)",
        Some(104) => " (its connection was reset)",
        _ => "",
    }
}
