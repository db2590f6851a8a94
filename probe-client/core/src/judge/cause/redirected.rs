//! `redirected-to-other-port`: the genuine server, on another port than the one dialled.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let testimony = testimony(evidence.probe)?;
    let dialled = evidence.probe.port_dialled();
    let local = testimony.local?;
    // The server's own configuration may say that a cloud translates the port.
    let reached = testimony.public_port.unwrap_or_else(|| local.port());
    if reached == dialled {
        return None;
    }
    let verdict = Verdict::new(
        VerdictId::RedirectedToOtherPort,
        Segment::PATH,
        Confidence::High,
        format!("something on the way sends connections to port {dialled} to the server's port {reached}"),
    )
    .because(format!(
        "dialled {}, and the genuine server ({}) accepted it on {local}",
        evidence.target(),
        testimony.instance
    ))
    .next(format!(
        "find the port forwarding or load-balancing rule that maps {dialled} to {reached}; if it is meant, say so \
         with --map or with public_port in the server's configuration"
    ));
    Some(verdict)
}
