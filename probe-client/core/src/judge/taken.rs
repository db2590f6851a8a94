//! Connections that somebody took and ended before a byte of an answer came. The handshake alone does not
//! say who took them.

use super::ending::{Ending, ending};
use super::evidence::Evidence;
use crate::measurement::Measurement;
use crate::observation::{FailureKind, Origin};

/// How the ports of one server address turned connections away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TurnedAway {
    /// The handshake was completed, and the connection then reset or closed.
    pub(super) ended: usize,
    /// RST in answer to the SYN.
    pub(super) refused: usize,
}

/// How every port of the probe's server turned its connection away. Absent where a port did not, or where none of
/// them completed a handshake.
pub(super) fn everywhere(evidence: &Evidence<'_>) -> Option<TurnedAway> {
    let mut all = TurnedAway::default();
    for measurement in evidence.same_server.iter() {
        if was_ended(measurement) {
            all.ended += 1;
        } else if was_refused(measurement) {
            all.refused += 1;
        } else {
            return None;
        }
    }
    (all.ended > 0).then_some(all)
}

/// The connection was taken, and ended at once by the other end or in its name.
fn was_ended(measurement: &Measurement) -> bool {
    let Ending::NoData(_, failure) = ending(measurement) else {
        return false;
    };
    let ended = matches!(failure.kind, FailureKind::Reset | FailureKind::Closed);
    let answered = measurement.transport.is_some_and(|t| t.bytes_read > 0);
    ended && !answered && !measurement.died_in_silence()
}

fn was_refused(measurement: &Measurement) -> bool {
    matches!(ending(measurement), Ending::NotConnected(f)
        if f.kind == FailureKind::Refused && !matches!(f.origin, Origin::Icmp { .. }))
}
