//! Judges a proxy that was asked to connect and did not give a readable answer: it was silent, or it closed the
//! connection.

use super::protocol;
use crate::catalogue::VerdictId;
use crate::judge::evidence::Evidence;
use crate::judge::words::duration;
use crate::observation::{Failure, FailureKind};
use crate::path::ProxyAddress;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>, failure: &Failure) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let silent = failure.kind == FailureKind::TimedOut;
    let said = if silent {
        let observations = evidence.probe.observations.iter();
        let waited = observations.rev().find(|o| o.failure.is_some())?;
        format!("said nothing within {}", duration(waited.duration_us))
    } else {
        format!("ended without an answer ({})", failure.kind.describe())
    };
    let sent = credentials_sent(evidence);
    let verdict = match proven(evidence) {
        Some(why) => could_not_connect(evidence, &said, sent, why)?,
        None if sent => undecided(evidence, &said)?,
        None if silent => perhaps_waiting(evidence, &said)?,
        None => no_proxy(evidence, proxy, &said),
    };
    Some(verdict)
}

/// Returns the evidence that this is a proxy that lets this host in; `None` if there is none.
fn proven(evidence: &Evidence<'_>) -> Option<&'static str> {
    let same = || evidence.same_server.iter();
    let refuses = |p: &crate::proxy::ProxyAccount| p.refusal.is_some();
    if same().any(|m| m.connected()) {
        return Some("another port passes through the same proxy");
    }
    if credentials_sent(evidence) {
        return None;
    }
    if same().any(|m| m.proxy.as_ref().is_some_and(refuses)) {
        return Some("the same proxy answers for other ports");
    }
    let account = evidence.probe.proxy.as_ref()?;
    let asked_nothing = account.authentication.offered.is_empty();
    (account.spoke && asked_nothing).then_some("the proxy spoke its protocol before that")
}

fn credentials_sent(evidence: &Evidence<'_>) -> bool {
    let account = evidence.probe.proxy.as_ref();
    account.is_some_and(|account| !account.authentication.tried.is_empty())
}

fn could_not_connect(
    evidence: &Evidence<'_>,
    said: &str,
    sent: bool,
    why: &str,
) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let id = VerdictId::ProxyCouldNotConnect;
    let claim = format!(
        "the proxy {proxy} took the request for {target} and {said}: most likely its own \
         connection to the server failed or got no answer; a proxy may also do this to a \
         connection that it does not allow"
    );
    let verdict = Verdict::new(id, Segment::Proxy, Confidence::Medium, claim).because(why);
    let verdict = if sent {
        verdict.because(
            "this request carried the credentials, as did the request for the port that works",
        )
    } else {
        verdict
    };
    Some(verdict.next(format!(
        "ask the proxy team for the log of {proxy} about {target}, and to try it from the proxy \
         itself; then the firewall and cloud teams to allow the proxy's outgoing address to \
         {target}. Some proxies wait a minute before they report: run again with --timeout 60"
    )))
}

/// Returns `inconclusive`, because some proxies end the connection on a wrong password instead of saying so.
fn undecided(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!(
        "the proxy {proxy} took the request for {target} with the credentials and {said}: either \
         it does not accept them, or its own connection to the server failed or got no answer"
    );
    let id = VerdictId::Inconclusive;
    Some(
        Verdict::new(id, Segment::Proxy, Confidence::Low, claim).next(format!(
            "ask the proxy team for the log of {proxy} about {target} and this user: whether the \
         password was accepted, and what became of the connection; a proxy may wait a minute \
         before it reports: run again with --timeout 60"
        )),
    )
}

fn perhaps_waiting(evidence: &Evidence<'_>, said: &str) -> Option<Verdict> {
    let proxy = evidence.proxy()?;
    let target = evidence.target();
    let claim = format!(
        "{proxy} took the connection and {said}: either it waits for {target} itself, or it is not \
         a proxy"
    );
    let id = VerdictId::Inconclusive;
    Some(Verdict::new(id, Segment::Proxy, Confidence::Low, claim).next(format!(
        "ask the proxy team for the log of {proxy} about {target}; a proxy often waits a minute \
         before it reports: run again with --timeout 60"
    )))
}

fn no_proxy(evidence: &Evidence<'_>, proxy: &ProxyAddress, said: &str) -> Verdict {
    let target = evidence.target();
    let protocol = protocol(proxy.scheme);
    let claim = format!(
        "{proxy} accepted the connection, but {said} after the request for {target}: it does not \
         speak {protocol}, or it drops the request"
    );
    let id = VerdictId::ProxyUnreachable;
    Verdict::new(id, Segment::Proxy, Confidence::Medium, claim).next(format!(
        "ask the proxy team whether {} speaks {protocol}, whether it closes without an answer on \
         what it does not allow, and whether it reaches {target}",
        proxy.authority()
    ))
}
