//! `payload-altered`: what arrived is not what was sent, in either direction.

use super::super::evidence::{Ending, Evidence, testimony};
use crate::catalogue::VerdictId;
use crate::session::Fault;
use crate::verdict::{Confidence, Segment, Verdict};

/// The exchange ran, and a byte of its payload was changed.
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
            "the session's payload can be computed by both ends alone; the byte there was another one",
        ));
    }
    // The server answered in frames of its own, and one of them does not fit its MAC.
    frame(evidence)
}

/// A frame of the dialogue was changed.
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
        return sighted(evidence);
    };
    Some(verdict(
        evidence,
        format!(
            "on the way from the server, between offsets {} and {} of what came back",
            altered.start, altered.end
        ),
        "a message of the server's arrived whole, but not as the server authenticated it",
    ))
}

/// The server never accepted the greeting, because its first bytes came changed.
fn sighted(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Mute(..) = evidence.ending() else {
        return None;
    };
    let sighting = evidence.sighting()?;
    let within = sighting.altered_within?;
    Some(verdict(
        evidence,
        format!(
            "on the way to the server, between offsets {} and {within} of the connection",
            sighting.unaltered_prefix
        ),
        "the server's digest of the first bytes that it received is not that of the bytes sent",
    ))
}

fn verdict(evidence: &Evidence<'_>, place: String, because: &str) -> Verdict {
    let target = evidence.target();
    let mut verdict = Verdict::new(
        VerdictId::PayloadAltered,
        Segment::Path {
            hop: None,
            address: None,
        },
        Confidence::High,
        format!("bytes of the session with {target} are changed {place}"),
    )
    .because(because)
    .next(format!(
        "ask for a device that rewrites traffic to {target} (application gateway, protocol fix-up, WAN optimiser) and \
         have it exempt this connection"
    ));
    verdict.evidence.extend(evidence.others_work());
    verdict
}
