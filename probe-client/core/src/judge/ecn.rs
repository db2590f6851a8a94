//! Explicit congestion notification (ECN): a SYN that asks for it sets ECE and CWR. If it is not answered, the system
//! repeats it without the two bits (RFC 3168 sections 6.1.1 and 6.1.1.1).

use proto::syn::{SynHeader, is_marked};

use super::ending::testimony;
use super::evidence::Evidence;
use crate::measurement::{Measurement, Variation};
use crate::survey::AGREEING;

/// Returns whether this host's SYNs ask for ECN.
pub(super) fn is_asked_for(evidence: &Evidence<'_>) -> bool {
    let own = evidence.own_syn.map(|syn| SynHeader::parse(&syn.0));
    own.is_some_and(|syn| syn.is_ok_and(|syn| syn.ecn))
}

/// Returns how many connections to this port lost the SYN that asked for ECN and were then established by a SYN without
/// it. `None` if any connection was established in another way, or if there were too few.
pub(super) fn lost_syns(evidence: &Evidence<'_>) -> Option<usize> {
    if !is_asked_for(evidence) {
        return None;
    }
    let alike = [Variation::InNothing, Variation::InPace { held: 0 }];
    let beside = alike.into_iter().flat_map(|v| evidence.probe.compared(v));
    let mut lost = 0;
    for measurement in beside.chain([evidence.probe]) {
        let Some(ecn) = arrived_with(measurement) else {
            continue;
        };
        if ecn || measurement.syns_sent_again() == 0 {
            return None;
        }
        lost += 1;
    }
    (lost >= AGREEING).then_some(lost)
}

/// Returns whether this host's SYNs ask for ECN, and the first one to this port arrived without its ECN bits.
pub(super) fn is_cleared(evidence: &Evidence<'_>) -> bool {
    let probe = evidence.probe;
    is_asked_for(evidence) && probe.syns_sent_again() == 0 && arrived_with(probe) == Some(false)
}

/// Returns whether the SYN that reached the server asked for ECN. `None` if that is unknown, or if the SYN was not this
/// host's own.
fn arrived_with(measurement: &Measurement) -> Option<bool> {
    let syn = testimony(measurement)?.syn.as_ref()?;
    let mark = measurement.session.as_ref()?.hop_limit_mark?;
    let syn = SynHeader::parse(&syn.0).ok()?;
    is_marked(syn.hop_limit, mark).then_some(syn.ecn)
}
