//! Connections that were accepted, and ended before the first byte of an answer. The handshake alone does not show
//! which device accepted them.

use super::ending::{Ending, ending};
use super::evidence::Evidence;
use crate::measurement::Measurement;
use crate::observation::{FailureKind, Origin};

/// The connections that the ports of one server address turned away, by kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct TurnedAway {
    /// Connections that were reset or closed after the handshake.
    pub(super) ended: usize,
    /// Connections whose SYN was answered with RST.
    pub(super) refused: usize,
}

/// Returns how every port of the probe's server turned its connection away. `None` if a port did not, or if no port
/// completed a handshake.
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

/// Returns whether the connection was accepted, and then immediately ended, by the other end or by a device that
/// pretends to be it.
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
