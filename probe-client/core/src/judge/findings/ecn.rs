//! `ecn-syn-lost` and `ecn-bits-cleared`: SYNs that ask for explicit congestion notification (ECN) are lost while SYNs
//! without it arrive, or arrive without the bits that ask for it.

use super::super::ecn;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

/// Reports that SYNs that ask for ECN are lost, and SYNs without it arrive.
pub(super) fn lost(evidence: &Evidence<'_>) -> Option<Finding> {
    let lost = ecn::lost_syns(evidence)?;
    Some(
        Finding::new(
            FindingId::EcnSynLost,
            "SYNs that ask for ECN are lost on the way, and the ones repeated without it arrive",
        )
        .with_detail(format!(
            "{lost} of {lost} connections: the first SYN (ECE and CWR set) had to be sent again, \
             and the SYN that arrived has neither bit; a device that loses the first SYN of every \
             connection would look the same"
        )),
    )
}

/// Reports that a SYN that asked for ECN arrived without its ECN bits.
pub(super) fn cleared(evidence: &Evidence<'_>) -> Option<Finding> {
    ecn::is_cleared(evidence).then(|| {
        Finding::new(
            FindingId::EcnBitsCleared,
            "the ECN bits of the SYN are cleared on the way to the server, so that the connection \
             runs without congestion notification",
        )
        .with_detail(
            "this host's SYNs have ECE and CWR set, and the SYN that arrived has neither, although \
             it was the first one (only a repeated SYN leaves them out); a device on the way or a \
             rule of either host clears the two bits",
        )
    })
}
