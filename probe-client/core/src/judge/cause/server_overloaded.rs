//! `server-overloaded`: the genuine server recognised the key, but accepts no session at the moment.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::session::{Fault, RefusalReason};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let why = match (evidence.ending(), evidence.fault()) {
        (Ending::Declined, Some(Fault::Refused { reason })) => match reason {
            RefusalReason::Overloaded => "it has as many sessions as it allows",
            RefusalReason::Draining => "it is shutting down",
            RefusalReason::Other => "for a reason that this version does not know",
        },
        // Another version is a cause of its own.
        (Ending::Declined, Some(Fault::OtherVersion { .. })) => return None,
        (Ending::Declined, _) => "without saying why",
        _ => return None,
    };
    let verdict = Verdict::new(
        VerdictId::ServerOverloaded,
        Segment::ServerHost,
        Confidence::High,
        format!("the echo server is reachable but takes no session now: {why}"),
    )
    .because("the answer carried the server's proof of the key")
    .next(
        "run it again in a few minutes; if the answer is the same, ask the server's admin to \
         look at its limits",
    );
    Some(verdict)
}
