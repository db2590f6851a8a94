//! `server-overloaded` and `server-other-version`: the genuine server recognised the key and declined.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::session::{Fault, RefusalReason};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    if let (Ending::Declined, Some(Fault::OtherVersion { here, there })) =
        (evidence.ending(), evidence.fault())
    {
        return Some(other_version(*here, *there));
    }
    let why = match (evidence.ending(), evidence.fault()) {
        (Ending::Declined, Some(Fault::Refused { reason })) => match reason {
            RefusalReason::Overloaded => "it has as many sessions as it allows",
            RefusalReason::Draining => "it is shutting down",
            RefusalReason::Other => "for a reason that this version does not know",
        },
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
        "run it again in a few minutes; if it stays so, ask the server's operator to look at its \
           limits",
    );
    Some(verdict)
}

/// Returns the verdict for another protocol version. It is the same statement for every port.
fn other_version(here: u32, there: u32) -> Verdict {
    let older = if there < here {
        "fwprobe-echo on the server's host"
    } else {
        "fwprobe on this host"
    };
    Verdict::new(
        VerdictId::ServerOtherVersion,
        Segment::ServerHost,
        Confidence::High,
        format!(
            "the echo server knows this key and speaks version {there} of the protocol; this \
             fwprobe speaks version {here}"
        ),
    )
    .because("the answer carried the server's proof of the key, and the version that it speaks")
    .next(format!(
        "update {older}, so that both speak the newer version (fwprobe --version, fwprobe-echo \
         --version)"
    ))
}
