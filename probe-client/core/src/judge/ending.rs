//! Classifies how a probe ended, as far as this end alone can determine it.

use crate::measurement::Measurement;
use crate::observation::{Failure, FailureKind, Operation};
use crate::session::{Fault, Recognised, Testimony};

#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    Interrupted,
    Unresolved(&'a Failure),
    /// The proxy failed: this host did not reach it, or it did not connect.
    Proxy(Operation, &'a Failure),
    /// There was no TCP connection.
    NotConnected(&'a Failure),
    /// The testimony and everything after it arrived.
    Complete(&'a Testimony),
    /// The testimony arrived, and then the session failed.
    Testified(&'a Testimony, Operation, &'a Failure),
    /// The genuine server declined.
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
    let failure = measurement.failure();
    if let Some((_, f)) = failure
        && f.kind == FailureKind::Interrupted
    {
        return Ending::Interrupted;
    }
    match (failure, testimony(measurement)) {
        (Some((Operation::Resolve, f)), _) => Ending::Unresolved(f),
        (
            Some((
                operation @ (Operation::ProxyResolve
                | Operation::ProxyConnect
                | Operation::ProxyTls
                | Operation::ProxyNegotiation),
                f,
            )),
            _,
        ) => Ending::Proxy(operation, f),
        // An RST that answers a SYN counts as refused; only an established connection can be reset.
        (Some((Operation::Connect, f)), _) if f.kind == FailureKind::Reset => {
            Ending::NoData(Operation::Connect, f)
        }
        (Some((Operation::Connect, f)), _) => Ending::NotConnected(f),
        (Some((_, f)), _) if f.kind == FailureKind::Declined => Ending::Declined,
        (Some((operation, f)), Some(testimony)) => Ending::Testified(testimony, operation, f),
        (Some((operation, f)), None) => {
            if f.kind == FailureKind::Foreign && !is_bare_not_found(measurement) {
                Ending::Foreign(operation, f)
            } else if f.kind == FailureKind::Altered {
                Ending::Altered(operation, f)
            } else {
                Ending::NoData(operation, f)
            }
        }
        (None, Some(testimony)) => Ending::Complete(testimony),
        // Without a failure or a testimony, the measurement never began.
        (None, None) => Ending::Interrupted,
    }
}

/// Returns whether the answer is the one that the genuine server gives over HTTP to a greeting that it does not accept.
/// It says no more than silence.
fn is_bare_not_found(measurement: &Measurement) -> bool {
    let fault = measurement.session.as_ref().and_then(|s| s.fault.as_ref());
    matches!(fault, Some(Fault::ForeignBytes(foreign))
        if matches!(&foreign.recognised, Some(Recognised::HttpResponse(http)) if http.bare_not_found))
}

/// Returns the measurement's testimony, if it has one.
pub(super) fn testimony(measurement: &Measurement) -> Option<&Testimony> {
    measurement.session.as_ref()?.testimony.as_ref()
}
