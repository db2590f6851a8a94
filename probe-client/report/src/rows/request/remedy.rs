//! The remedy for each verdict: a firewall rule, or something else.

use probe_core::catalogue::VerdictId;

/// The request that remedies a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Remedy {
    /// A policy blocks the port: a rule that allows it.
    Rule,
    /// No rule would help, for this reason.
    Other(&'static str),
}

pub(super) fn remedy(verdict: VerdictId) -> Remedy {
    match verdict {
        VerdictId::Dropped
        | VerdictId::Rejected
        | VerdictId::Prohibited
        | VerdictId::BlockedOnThisHost
        | VerdictId::ProxyDenied => Remedy::Rule,
        VerdictId::ReplyDropped => Remedy::Other(
            "the SYN arrives, so the port is allowed: ask for its answers to be let back, through \
             the same stateful device as the SYN, or out of the server's host",
        ),
        VerdictId::Reachable | VerdictId::ReachableWithLoss => Remedy::Other("the port is open"),
        VerdictId::NameNotResolved => {
            Remedy::Other("the server's name is not resolved: ask for DNS")
        }
        VerdictId::NoRoute => Remedy::Other("there is no route: ask for routing"),
        VerdictId::NotListening => {
            Remedy::Other("the firewall lets the port through; nothing listens on the server")
        }
        VerdictId::RedirectedToOtherPort => Remedy::Other(
            "a device sends it to another port: ask for the translation to be corrected",
        ),
        VerdictId::AnsweredByMiddlebox | VerdictId::AnsweredByStranger => {
            Remedy::Other("something else answers: ask for the port to be passed on unchanged")
        }
        VerdictId::PayloadDropped | VerdictId::PayloadReset => Remedy::Other(
            "the connection is allowed and its content is not: ask for an exception from \
             inspection, not for a port",
        ),
        VerdictId::TlsIntercepted => {
            Remedy::Other("TLS is opened on the way: ask for an exception from TLS inspection")
        }
        VerdictId::PayloadAltered => {
            Remedy::Other("a device changes the bytes: ask for an exception from what it does")
        }
        VerdictId::StallsAfterBytes => Remedy::Other(
            "the connection is allowed and stalls: ask for the inspection of its content",
        ),
        VerdictId::PathMtuBlackHole => Remedy::Other(
            "large packets vanish: ask for ICMP \"fragmentation needed\" (over IPv6: \"packet too \
             big\") to be let through to their sender, or for the MSS to be lowered",
        ),
        VerdictId::IdleExpired => {
            Remedy::Other("idle sessions are forgotten: ask for a longer idle timeout")
        }
        VerdictId::ProxyUnreachable
        | VerdictId::ProxyAuthenticationRequired
        | VerdictId::ProxyCouldNotConnect
        | VerdictId::ProxyNameNotResolved => {
            Remedy::Other("it fails at the proxy or behind it: ask the proxy team")
        }
        VerdictId::ServerUnreachable
        | VerdictId::ServerSilent
        | VerdictId::ServerRefused
        | VerdictId::ServerOverloaded
        | VerdictId::ServerUnproven
        | VerdictId::ServerOtherVersion => {
            Remedy::Other("it is about the echo server, not about this port")
        }
        VerdictId::Inconclusive => Remedy::Other("the evidence does not decide what stops it"),
    }
}
