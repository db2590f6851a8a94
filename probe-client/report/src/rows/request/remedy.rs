//! The remedy for each verdict: a firewall rule, or something else.

use probe_core::catalogue::VerdictId;
use probe_core::verdict::{Confidence, Verdict};

/// The request that remedies a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Remedy {
    /// A policy blocks the port, and a rule that allows the port remedies that.
    Rule,
    /// No rule would help if the verdict is right; the text says why and what to ask for instead.
    Other(&'static str),
    /// No rule can be asked for; the text says why, and claims nothing about what stops the port.
    NotKnown(&'static str),
}

impl Remedy {
    /// Returns the reason why no rule is asked for, as firm as `verdict` is; `None` if a rule is asked for.
    pub(super) fn because(self, verdict: &Verdict) -> Option<String> {
        match (self, verdict.confidence) {
            (Self::Rule, _) => None,
            (Self::Other(text), Confidence::Low | Confidence::Medium) => {
                Some(format!("probably {text}"))
            }
            (Self::Other(text), Confidence::High) | (Self::NotKnown(text), _) => {
                Some(text.to_owned())
            }
        }
    }
}

pub(super) fn remedy(verdict: VerdictId) -> Remedy {
    let instead = match verdict {
        VerdictId::Dropped
        | VerdictId::Rejected
        | VerdictId::Prohibited
        | VerdictId::BlockedOnThisHost
        | VerdictId::ProxyDenied => return Remedy::Rule,
        VerdictId::ReplyDropped => {
            "the SYN arrives, so the port is allowed: ask for its answers to be let back, through \
             the same stateful device as the SYN, or out of the server's host"
        }
        VerdictId::Reachable | VerdictId::ReachableWithLoss => "the port is open",
        VerdictId::NameNotResolved => "the server's name is not resolved: ask for DNS",
        VerdictId::NoRoute => "there is no route: ask for routing",
        VerdictId::NotListening => {
            "nothing listens on this port of the server, so no rule would make it answer"
        }
        VerdictId::RedirectedToOtherPort => {
            "a device sends the connection to another port: ask for its port translation to be \
             corrected"
        }
        VerdictId::AnsweredByMiddlebox | VerdictId::AnsweredByStranger => {
            "something that is not the echo server answers: ask for connections to this port to be \
             passed on unchanged"
        }
        VerdictId::PayloadDropped | VerdictId::PayloadReset => {
            "the connection is allowed, but its content is blocked: ask for an exemption from \
             inspection, not for a port"
        }
        VerdictId::TlsIntercepted => {
            "a device on the way decrypts TLS: ask for an exemption from TLS inspection"
        }
        VerdictId::PayloadAltered => {
            "a device changes the bytes: ask for this connection to be exempted from that"
        }
        VerdictId::StallsAfterBytes => {
            "the connection is allowed but stalls: ask whether a device inspects its content, and \
             for an exemption from that"
        }
        VerdictId::PathMtuBlackHole => {
            "large packets vanish: ask for ICMP \"fragmentation needed\" (over IPv6: \"packet too \
             big\") to be let through to their sender, or for the MSS to be lowered"
        }
        VerdictId::IdleExpired => "idle sessions are forgotten: ask for a longer idle timeout",
        VerdictId::ProxyUnreachable
        | VerdictId::ProxyAuthenticationRequired
        | VerdictId::ProxyCouldNotConnect
        | VerdictId::ProxyNameNotResolved => {
            "the connection fails at the proxy or beyond it: ask the proxy team"
        }
        VerdictId::Inconclusive
        | VerdictId::ServerUnreachable
        | VerdictId::ServerSilent
        | VerdictId::ServerRefused
        | VerdictId::ServerOverloaded
        | VerdictId::ServerUnproven
        | VerdictId::ServerOtherVersion => return Remedy::NotKnown(not_of_the_port(verdict)),
    };
    Remedy::Other(instead)
}

/// Returns in words why nothing is known about the port itself.
fn not_of_the_port(verdict: VerdictId) -> &'static str {
    if verdict == VerdictId::Inconclusive {
        "the evidence does not decide what stops it"
    } else {
        "the verdict is about the echo server, not about this port"
    }
}
