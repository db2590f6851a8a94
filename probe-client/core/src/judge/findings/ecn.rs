//! `ecn-syn-lost`: SYNs that ask for explicit congestion notification (ECN) are lost, and SYNs without it arrive.

use super::super::ecn;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
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
