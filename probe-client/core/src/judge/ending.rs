//! Classifies how a probe ended, as far as this end alone can determine it.

use crate::measurement::{Measurement, Outcome};
use crate::observation::{Failure, FailureKind, Operation};
use crate::session::{Fault, Recognised, Testimony};

#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    Interrupted,
    Unresolved(&'a Failure),
    /// The proxy failed: this host did not reach it, or it did not connect to the server.
    Proxy(Operation, &'a Failure),
    /// There was no TCP connection.
    NotConnected(&'a Failure),
    /// The testimony and everything after it arrived.
    Complete(&'a Testimony),
    /// The testimony arrived, and then the session failed.
    Testified(&'a Testimony, Operation, &'a Failure),
    /// The genuine server declined the session.
    Declined,
    /// Bytes arrived that the server never sends.
    Foreign(Operation, &'a Failure),
    /// Frames arrived that were changed on the way.
    Altered(Operation, &'a Failure),
    /// The connection was established, and then came silence, a close, a reset or a failed handshake. No testimony
    /// arrived.
    NoData(Operation, &'a Failure),
}

pub(super) fn ending(measurement: &Measurement) -> Ending<'_> {
    let Some((operation, failure)) = measurement.failure() else {
        return match testimony(measurement) {
            Some(testimony) => Ending::Complete(testimony),
            // Without a failure or a testimony, the measurement never began.
            None => Ending::Interrupted,
        };
    };
    match measurement.outcome() {
        Outcome::Unfinished | Outcome::Complete => Ending::Interrupted,
        Outcome::Unresolved => Ending::Unresolved(failure),
        Outcome::AtProxy => Ending::Proxy(operation, failure),
        Outcome::NotSent | Outcome::Silent | Outcome::Refused | Outcome::Prohibited => {
            Ending::NotConnected(failure)
        }
        Outcome::Broken => broken(measurement, operation, failure),
    }
}

/// Returns the ending of a session whose connection was accepted.
fn broken<'a>(
    measurement: &'a Measurement,
    operation: Operation,
    failure: &'a Failure,
) -> Ending<'a> {
    if operation == Operation::Connect {
        return Ending::NoData(operation, failure);
    }
    if failure.kind == FailureKind::Declined {
        return Ending::Declined;
    }
    if let Some(testimony) = testimony(measurement) {
        return Ending::Testified(testimony, operation, failure);
    }
    if failure.kind == FailureKind::Foreign && !is_bare_not_found(measurement) {
        Ending::Foreign(operation, failure)
    } else if failure.kind == FailureKind::Altered {
        Ending::Altered(operation, failure)
    } else {
        Ending::NoData(operation, failure)
    }
}

/// Returns whether the answer is the one that the genuine server gives over HTTP to a greeting that it does not accept.
/// Such an answer shows no more than silence does.
fn is_bare_not_found(measurement: &Measurement) -> bool {
    let fault = measurement.session.as_ref().and_then(|s| s.fault.as_ref());
    matches!(fault, Some(Fault::ForeignBytes(foreign))
        if matches!(&foreign.recognised, Some(Recognised::HttpResponse(http)) if http.bare_not_found))
}

/// Returns the measurement's testimony, if it has one.
pub(super) fn testimony(measurement: &Measurement) -> Option<&Testimony> {
    measurement.session.as_ref()?.testimony.as_ref()
}
