//! How a probe ended, as far as this end alone can tell.

use super::Measurement;
use crate::observation::{FailureKind, Operation, Origin};

/// How a probe ended. The run and the judge both read this: a failure is classified once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The run ended before the probe did, or the probe never began.
    Unfinished,
    /// The server's name gave no address.
    Unresolved,
    /// The proxy was not reached, or did not connect.
    AtProxy,
    /// This host or its network did not send a SYN.
    NotSent,
    /// No SYN was answered.
    Silent,
    /// A SYN was answered by RST.
    Refused,
    /// A SYN was answered by an ICMP error.
    Prohibited,
    /// A connection was accepted, and what followed failed.
    Broken,
    /// The server testified, and nothing failed.
    Complete,
}

impl Measurement {
    /// Returns how the probe ended.
    pub fn outcome(&self) -> Outcome {
        let Some((operation, failure)) = self.failure() else {
            return if self.testified() {
                Outcome::Complete
            } else {
                Outcome::Unfinished
            };
        };
        if failure.kind == FailureKind::Interrupted {
            return Outcome::Unfinished;
        }
        match operation {
            Operation::Resolve => Outcome::Unresolved,
            Operation::ProxyResolve
            | Operation::ProxyConnect
            | Operation::ProxyTls
            | Operation::ProxyNegotiation => Outcome::AtProxy,
            Operation::Connect => at_connect(failure.kind, failure.origin),
            Operation::Preface
            | Operation::TlsHandshake
            | Operation::InnerPreface
            | Operation::Testimony
            | Operation::Exchange
            | Operation::Hold
            | Operation::Resume
            | Operation::Farewell
            | Operation::Control => Outcome::Broken,
        }
    }
}

fn at_connect(kind: FailureKind, origin: Origin) -> Outcome {
    match (origin, kind) {
        (Origin::Icmp { .. }, _) => Outcome::Prohibited,
        (_, FailureKind::TimedOut) => Outcome::Silent,
        (_, FailureKind::Refused) => Outcome::Refused,
        // A RST in answer to a SYN is a refusal, so a reset here came after the connection was accepted.
        (_, FailureKind::Reset) => Outcome::Broken,
        // Every other failure to connect comes from this host.
        (_, _) => Outcome::NotSent,
    }
}
