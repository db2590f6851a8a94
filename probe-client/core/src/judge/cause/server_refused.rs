//! `server-refused`: the genuine server is up, but does not accept the key.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (true, Ending::NoData(..)) = (evidence.key_refused(), evidence.ending()) else {
        return None;
    };
    // If other sessions were let in, they reached another instance.
    let claim = if evidence.working_ports().is_empty() {
        "the echo server is reachable but does not accept this key: it is unknown there, revoked, \
         or its secret is wrong"
    } else {
        "of several instances of the echo server behind this address, one does not accept this \
         key: it is unknown there, or revoked"
    };
    let verdict = Verdict::new(
        VerdictId::ServerRefused,
        Segment::ServerHost,
        Confidence::High,
        claim,
    )
    .because(
        "its control service, under the pinned certificate, answered UNAUTHENTICATED; to a \
              key that it does not accept the server says nothing on the ports themselves, so \
              nothing can be said about them",
    )
    .next(
        "ask the server's admin for a valid connection string (`fwprobe-echo identity show` \
           lists its keys)",
    );
    Some(verdict)
}
