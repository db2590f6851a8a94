//! Decides whether the server or the whole path to it may be gone, and which port can show that.

use super::server_result::ServerResult;
use crate::measurement::Measurement;
use crate::observation::{FailureKind, Operation};

/// Returns whether a probe failed in a way that the server could have reported, and the server has reported on no
/// probe.
pub fn is_in_doubt(result: &ServerResult) -> bool {
    let failed = |m: &&Measurement| {
        m.failure().is_some_and(|(_, failure)| {
            matches!(
                failure.kind,
                FailureKind::TimedOut
                    | FailureKind::Refused
                    | FailureKind::Reset
                    | FailureKind::Closed
            )
        })
    };
    let mut all = result.probes.iter().chain([&result.reference_probe]);
    result.control.path.is_direct()
        && result.probes.iter().any(|m| failed(&m))
        && all.all(|m| m.sighting.is_none())
}

/// Returns the index of a probe that ran whole, preferably without retransmissions: the judge counts the variations of
/// a probe with retransmissions as further sessions that may lose packets.
pub fn works(result: &ServerResult) -> Option<usize> {
    let whole = |m: &Measurement| m.is_complete() && m.ran_whole();
    let clean = |m: &Measurement| whole(m) && m.segments_sent_again() == 0;
    let all = &result.probes;
    all.iter()
        .position(clean)
        .or_else(|| all.iter().position(whole))
}

/// Returns whether `again`, another session to a port that worked, shows that the server or the path to it is gone.
pub fn shows_that_it_is_gone(again: &Measurement) -> bool {
    again.failure().is_some_and(|(operation, failure)| {
        let gone = matches!(failure.kind, FailureKind::TimedOut | FailureKind::Refused);
        operation == Operation::Connect && gone
    })
}
