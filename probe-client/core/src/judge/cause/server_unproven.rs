//! `server-unproven`: the peer holds this client's key, but does not show a pinned certificate. If one port of a server
//! shows another certificate, sessions on its other ports that rest on the client's key alone prove nothing.

use std::collections::BTreeSet;

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use super::tls_intercepted;
use crate::catalogue::VerdictId;
use crate::measurement::Measurement;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    testimony(evidence.probe)?;
    if evidence.probe.shows_pinned_key() || tls_intercepted::is_opened(evidence.probe) {
        return None;
    }
    let here = evidence.same_server.iter().copied();
    let unpinned: Vec<&Measurement> = here
        .clone()
        .filter(|m| m.unpinned_key().is_some())
        .collect();
    let keys: BTreeSet<&str> = unpinned.iter().filter_map(|m| m.unpinned_key()).collect();
    if keys.is_empty() {
        return None;
    }
    let keys: Vec<String> = keys.iter().map(|key| format!("sha256:{key}")).collect();
    let (host, keys) = (&evidence.probe.host, keys.join(" and "));
    let mut verdict = Verdict::new(
        VerdictId::ServerUnproven,
        Segment::Unknown,
        Confidence::High,
        format!(
            "what answers at {host} holds this client's key, but not the server key that the \
             connection string pins: its certificate's key is {keys}"
        ),
    )
    .because(format!(
        "on {} both ends were in one TLS session (RFC 9266), so no device opened it; the \
         certificate in it is none of the pinned ones",
        ports(unpinned.into_iter())
    ))
    .because(
        "a session without TLS rests on the client's key alone, so here it shows no more than that \
         somebody holds it",
    )
    .next(format!(
        "ask the server's admin for the current connection string, and whether {keys} is the \
         server's key (the pin that fwprobe-echo prints in its connection strings); if it is not, \
         somebody else holds this client's key: have it revoked and a new one made, and find out \
         what answers at {host}"
    ));
    let pinned = ports(here.filter(|m| testimony(m).is_some() && m.shows_pinned_key()));
    if !pinned.is_empty() {
        verdict = verdict.because(format!(
            "on {pinned} the pinned server did answer: another instance with an identity of its \
             own, or somebody in its place, answers here"
        ));
    }
    Some(verdict)
}

/// Returns the ports in words, each once and in order.
fn ports<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> String {
    let ports: BTreeSet<u16> = measurements.map(Measurement::port_dialled).collect();
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    ports.join(", ")
}
