//! `payload-altered`: the bytes that arrived are not those that were sent, in either direction.

use super::super::ending::{Ending, testimony};
use super::super::evidence::Evidence;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::{Sighting, SightingEnd};
use crate::observation::{FailureKind, Operation};
use crate::session::{Fault, HeadComparison};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) mod converted;

/// Returns the verdict for an exchange that ran, but with a changed byte in its payload.
pub(super) fn payload(evidence: &Evidence<'_>) -> Option<Verdict> {
    testimony(evidence.probe)?;
    for stage in &evidence.session()?.stages {
        let (direction, at, size) = match (stage.up.altered_at, stage.down.altered_at) {
            (Some(at), _) => ("to the server", at, stage.up.asked),
            (None, Some(at)) => ("from the server", at, stage.down.asked),
            (None, None) => continue,
        };
        return Some(verdict(
            evidence,
            format!("on the way {direction}, at offset {at} of a payload of {size} bytes"),
            "only the two ends can compute the session's payload; the byte there was a different \
             one",
        ));
    }
    if let Some(HeadComparison::Different { at, .. }) = evidence.session()?.preface {
        return Some(verdict(
            evidence,
            format!("on the way to the server, at offset {at} of the protocol negotiation"),
            "the first bytes that the server received, by its own account, are not those that were \
             sent",
        ));
    }
    // Otherwise, a frame of the server may have arrived changed, so that it does not match its MAC.
    frame(evidence)
}

/// Returns the verdict for a record that TLS found changed, either inside a session with the server's own certificate
/// or in a handshake on a connection that reached the server.
fn records(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (operation, failure) = evidence.probe.failure()?;
    let pinned = evidence
        .probe
        .certificate
        .as_ref()
        .is_some_and(|c| c.pinned);
    let sighting = evidence.sighting();
    let found_here = failure.kind == FailureKind::TlsFailed && (pinned || sighting.is_some());
    let found_there = pinned && sighting.is_some_and(|s| s.tls_error.is_some());
    (operation >= Operation::TlsHandshake && (found_here || found_there)).then(|| {
        verdict(
            evidence,
            format!("within TLS, during the {}", operation.describe()),
            "TLS itself found a record that was changed after its sender made it, in a session \
             with the genuine server",
        )
    })
}

/// Returns the verdict for a changed frame of the dialogue.
pub(super) fn frame(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Some(
        Fault::BadMac {
            downstream: altered,
            ..
        }
        | Fault::Malformed {
            downstream: altered,
            ..
        },
    ) = evidence.fault()
    else {
        return sighted(evidence).or_else(|| records(evidence));
    };
    Some(verdict(
        evidence,
        format!(
            "on the way from the server, between offsets {} and {} of what came back",
            altered.start, altered.end
        ),
        "a message of the server arrived complete, but its bytes are not those that the server \
         authenticated",
    ))
}

/// Returns the verdict for a greeting that the server did not accept because its first bytes arrived changed.
fn sighted(evidence: &Evidence<'_>) -> Option<Verdict> {
    // The genuine server answers an altered ClientHello with a TLS alert, which is classified as foreign.
    let (Ending::NoData(..) | Ending::Foreign(..)) = evidence.ending() else {
        return None;
    };
    let sighting = evidence.sighting()?;
    if let Some(within) = sighting.altered_within {
        return Some(verdict(
            evidence,
            format!(
                "on the way to the server, between offsets {} and {within} of the connection",
                sighting.unaltered_prefix
            ),
            "the server's digest of the first bytes that it received is not that of the bytes sent",
        ));
    }
    turned_down(evidence, sighting)
}

/// Returns the verdict for a greeting that the server did not accept although all bytes arrived and it accepts the same
/// key on other ports.
fn turned_down(evidence: &Evidence<'_>, sighting: &Sighting) -> Option<Verdict> {
    let whole = sighting.bytes_received >= evidence.probe.transport?.bytes_written;
    let accepted_elsewhere = !evidence.working_ports().is_empty();
    (whole && accepted_elsewhere && sighting.end == SightingEnd::NotAuthenticated).then(|| {
        verdict(
            evidence,
            format!(
                "on the way to the server, after offset {} of the connection",
                sighting.unaltered_prefix
            ),
            "every byte arrived and the greeting did not match its MAC, while the same key is \
             accepted on other ports",
        )
        .unless(Alternative::AnotherInstance)
    })
}

fn verdict(evidence: &Evidence<'_>, place: String, because: &str) -> Verdict {
    let target = evidence.target();
    let mut verdict = Verdict::new(
        VerdictId::PayloadAltered,
        Segment::PATH,
        Confidence::High,
        format!("bytes of the session with {target} are changed {place}"),
    )
    .because(because)
    .next(format!(
        "ask the firewall and network teams which device rewrites {} (application gateway, \
         protocol fix-up, web filter, WAN optimiser), and to exempt this connection from it in \
         both directions",
        evidence.flow()
    ));
    verdict.evidence.extend(evidence.others_work());
    verdict
}
