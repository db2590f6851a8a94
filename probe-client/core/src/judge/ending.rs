//! How a probe ended, as far as this end alone can tell.

use crate::measurement::Measurement;
use crate::observation::{Failure, FailureKind, Operation};
use crate::session::{Fault, Recognised, Testimony};

#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    Interrupted,
    Unresolved(&'a Failure),
    /// The proxy stood in the way: it was not reached, or did not connect.
    Proxy(Operation, &'a Failure),
    /// No TCP connection.
    NotConnected(&'a Failure),
    /// A testimony came and everything after it.
    Complete(&'a Testimony),
    /// A testimony came, and then this.
    Testified(&'a Testimony, Operation, &'a Failure),
    /// The genuine server declined.
    Declined,
    /// Bytes came that the server never sends.
    Foreign(Operation, &'a Failure),
    /// Frames came that were changed on the way.
    Altered(Operation, &'a Failure),
    /// Connected, and then nothing, a close, a reset or a failed handshake: no testimony.
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
        // A SYN that RST answers is a refusal: what is reset had been a connection.
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
        // Nothing failed and nothing testified: a measurement that was never begun.
        (None, None) => Ending::Interrupted,
    }
}

/// What the genuine server answers over HTTP to a greeting that it does not accept; as good as
/// silence.
fn is_bare_not_found(measurement: &Measurement) -> bool {
    let fault = measurement.session.as_ref().and_then(|s| s.fault.as_ref());
    matches!(fault, Some(Fault::ForeignBytes(foreign))
        if matches!(&foreign.recognised, Some(Recognised::HttpResponse(http)) if http.bare_not_found))
}

/// The measurement's testimony, if it brought one.
pub(super) fn testimony(measurement: &Measurement) -> Option<&Testimony> {
    measurement.session.as_ref()?.testimony.as_ref()
}
