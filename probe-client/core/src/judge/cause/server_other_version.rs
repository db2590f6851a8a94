//! `server-other-version`: the genuine server recognised the key, but speaks another version of the protocol.

use crate::catalogue::VerdictId;
use crate::judge::ending::Ending;
use crate::judge::evidence::Evidence;
use crate::session::Fault;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let (Ending::Declined, Some(Fault::OtherVersion { here, there })) =
        (evidence.ending(), evidence.fault())
    else {
        return None;
    };
    Some(verdict(*here, *there))
}

/// Returns the verdict for another protocol version. It is the same statement for every port.
fn verdict(here: u32, there: u32) -> Verdict {
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
