//! Finds the fate of a ClientHello that was sent for comparison, on a port where the session's own ClientHello passed.

use super::compared::Tally;
use super::evidence::Evidence;
use crate::measurement::{Measurement, Variation};
use crate::observation::{FailureKind, Operation};

/// The fate of a ClientHello, in one attempt or in several that agree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// The server answered the ClientHello, or saw it arrive unaltered.
    Arrived,
    /// The ClientHello got no answer, and no sighting shows it.
    Lost {
        how: &'static str,
        /// The number of bytes sent on the connection, preface included.
        bytes: u64,
    },
}

/// Returns the fate of the ClientHello in every attempt, and the number of attempts. `None` if the attempts disagree or
/// are fewer than two, or if the session itself or a fresh session like it did not run whole: then chance may decide
/// which ClientHello passes.
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

/// Returns the fate in one attempt. `None` if the ClientHello was never sent, or the port did not accept the
/// connection.
fn fate(measurement: &Measurement) -> Option<Fate> {
    let Some((operation, failure)) = measurement.failure() else {
        return Some(Fate::Arrived);
    };
    if operation != Operation::TlsHandshake {
        return None;
    }
    // A different digest proves nothing: the connections that the server saw from this address at that time include the
    // session with which this ClientHello is compared.
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

/// The minimum number of attempts, because one failure may be chance.
const ENOUGH: usize = 2;
