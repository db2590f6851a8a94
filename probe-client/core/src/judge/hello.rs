//! What became of a ClientHello that was sent for comparison, on a port where the session's own passed.

use super::compared::Tally;
use super::evidence::Evidence;
use crate::comparison::Variation;
use crate::measurement::Measurement;
use crate::observation::{FailureKind, Operation};

/// Of one attempt, or of several that agree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// The server answered it, or has it as it was sent.
    Arrived,
    /// No answer, and no sighting of it.
    Lost {
        how: &'static str,
        /// Sent on the connection, preface included.
        bytes: u64,
    },
}

/// What became of it each time; absent where the attempts disagree or are fewer than two, the session itself
/// did not run whole, or fresh ones like it do not: there, which one passes is chance.
pub(super) fn each_time(evidence: &Evidence<'_>, variation: Variation) -> Option<(Fate, usize)> {
    if !evidence.probe.ran_whole() || !Tally::of(evidence, Variation::InNothing).passes() {
        return None;
    }
    let fates: Option<Vec<Fate>> = evidence.probe.compared(variation).map(fate).collect();
    let fates = fates?;
    let last = fates.last()?;
    let agree = |fate| std::mem::discriminant(fate) == std::mem::discriminant(last);
    (fates.len() >= ENOUGH && fates.iter().all(agree)).then(|| (last.clone(), fates.len()))
}

/// Absent where it was never sent, or the port took no connection.
fn fate(measurement: &Measurement) -> Option<Fate> {
    let Some((operation, failure)) = measurement.failure() else {
        return Some(Fate::Arrived);
    };
    if operation != Operation::TlsHandshake {
        return None;
    }
    // Another digest says nothing: the session beside which it was sent is among what the server saw of
    // this address at that time.
    let mut sightings = measurement.sighting.iter().flat_map(|s| &s.sightings);
    if sightings.any(|s| s.client_hello_unaltered == Some(true)) {
        return Some(Fate::Arrived);
    }
    let how = match failure.kind {
        FailureKind::TimedOut => "it vanishes in silence",
        FailureKind::Reset => "the connection is reset",
        FailureKind::Closed => "the connection is closed",
        FailureKind::TlsFailed | FailureKind::Foreign => "something else answers it",
        FailureKind::NameNotFound
        | FailureKind::ResolverFailed
        | FailureKind::NetworkUnreachable
        | FailureKind::HostUnreachable
        | FailureKind::PermissionDenied
        | FailureKind::Refused
        | FailureKind::Slow
        | FailureKind::Altered
        | FailureKind::Declined
        | FailureKind::KeyRefused
        | FailureKind::LocalResource
        | FailureKind::ProxyRefused
        | FailureKind::Interrupted
        | FailureKind::Other => return None,
    };
    let bytes = measurement.transport?.bytes_written;
    Some(Fate::Lost { how, bytes })
}

/// What fails once may do so by chance.
const ENOUGH: usize = 2;
