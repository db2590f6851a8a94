//! The truth about a port under test, in as much detail as a program could give that does not know the server.
//!
//! Verdicts that such a program cannot tell apart form one class.

use std::net::IpAddr;

use probe_core::catalogue::VerdictId;

use super::super::scenario::State;
use super::super::{Family, Host, Line, Scenario};

/// A class of verdicts.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Truth {
    Works,
    Silent,
    ResetOnTheWay,
    Prohibited,
    NoRoute,
    OwnFirewall,
    NotListening,
    OtherPort,
    DeviceAnswers,
    StrangerAnswers,
    Intercepted,
    DiesAtFirstBytes,
    DiesLater,
    ServerUnreachable,
    ServerStuck,
    Undecided,
    /// The fault is about proxies or names, which the other programs are not asked about.
    Unasked,
}

impl Truth {
    pub const ALL: [Self; 17] = [
        Self::Works,
        Self::Silent,
        Self::ResetOnTheWay,
        Self::Prohibited,
        Self::NoRoute,
        Self::OwnFirewall,
        Self::NotListening,
        Self::OtherPort,
        Self::DeviceAnswers,
        Self::StrangerAnswers,
        Self::Intercepted,
        Self::DiesAtFirstBytes,
        Self::DiesLater,
        Self::ServerUnreachable,
        Self::ServerStuck,
        Self::Undecided,
        Self::Unasked,
    ];

    /// Returns the truth about the probes of `line`; `None` stands for the probes that no line is about.
    pub(super) fn of(scenario: &Scenario, line: Option<&Line>) -> Self {
        let Some(line) = line else {
            return Self::Works;
        };
        match line.verdict {
            // The other programs have no key, so for them the port works.
            VerdictId::Reachable
            | VerdictId::ReachableWithLoss
            | VerdictId::ServerRefused
            | VerdictId::ServerUnproven
            | VerdictId::ServerOtherVersion => Self::Works,
            VerdictId::Dropped | VerdictId::ReplyDropped => Self::Silent,
            VerdictId::Rejected => Self::ResetOnTheWay,
            VerdictId::Prohibited => Self::Prohibited,
            VerdictId::NoRoute => Self::NoRoute,
            VerdictId::BlockedOnThisHost => Self::OwnFirewall,
            VerdictId::NotListening => Self::NotListening,
            VerdictId::RedirectedToOtherPort => Self::OtherPort,
            VerdictId::AnsweredByMiddlebox => Self::DeviceAnswers,
            VerdictId::AnsweredByStranger => Self::StrangerAnswers,
            VerdictId::TlsIntercepted => Self::Intercepted,
            VerdictId::PayloadDropped | VerdictId::PayloadReset => Self::DiesAtFirstBytes,
            VerdictId::StallsAfterBytes
            | VerdictId::PathMtuBlackHole
            | VerdictId::PayloadAltered
            | VerdictId::IdleExpired => Self::DiesLater,
            // The verdict leaves open who answers, but the scenario file settles it.
            VerdictId::ServerUnreachable if scenario.echo.state == State::Stopped => {
                Self::NotListening
            }
            VerdictId::ServerUnreachable => Self::ServerUnreachable,
            VerdictId::ServerSilent | VerdictId::ServerOverloaded => Self::ServerStuck,
            VerdictId::Inconclusive => Self::Undecided,
            VerdictId::NameNotResolved
            | VerdictId::ProxyUnreachable
            | VerdictId::ProxyAuthenticationRequired
            | VerdictId::ProxyDenied
            | VerdictId::ProxyCouldNotConnect
            | VerdictId::ProxyNameNotResolved => Self::Unasked,
        }
    }

    /// Returns the class in one to three words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Silent => "no answer",
            Self::ResetOnTheWay => "reset on the way",
            Self::Prohibited => "prohibited",
            Self::NoRoute => "no route",
            Self::OwnFirewall => "own firewall",
            Self::NotListening => "not listening",
            Self::OtherPort => "other port",
            Self::DeviceAnswers => "device answers",
            Self::StrangerAnswers => "stranger answers",
            Self::Intercepted => "TLS intercepted",
            Self::DiesAtFirstBytes => "first bytes die",
            Self::DiesLater => "dies later",
            Self::ServerUnreachable => "server unreachable",
            Self::ServerStuck => "server stuck",
            Self::Undecided => "undecided",
            Self::Unasked => "not asked",
        }
    }

    /// Returns the description that the page shows.
    pub fn text(self) -> &'static str {
        match self {
            Self::Works => "works end to end, whatever is noted on the way",
            Self::Silent => "no answer comes back to a SYN: dropped on the way there or back",
            Self::ResetOnTheWay => {
                "a device or the host's firewall resets the SYN; the server listens"
            }
            Self::Prohibited => "a device or the server's host prohibits it by ICMP",
            Self::NoRoute => "this host has no route",
            Self::OwnFirewall => "this host's own firewall refuses",
            Self::NotListening => "the server's host is up, nothing listens",
            Self::OtherPort => "the genuine server answers, on a port other than the one dialled",
            Self::DeviceAnswers => {
                "a device completes the handshake; the server never sees the session"
            }
            Self::StrangerAnswers => "a service other than the server answers",
            Self::Intercepted => "TLS is terminated on the way",
            Self::DiesAtFirstBytes => {
                "the handshake is the server's own; the session's first bytes are dropped or reset"
            }
            Self::DiesLater => {
                "small sessions pass; others die because of their size, their segment size or \
                 silence"
            }
            Self::ServerUnreachable => {
                "no port of the server can be reached: network or server, nothing shows which"
            }
            Self::ServerStuck => "the server's program does not answer, its host does",
            Self::Undecided => "nothing can decide",
            Self::Unasked => "about proxies or names",
        }
    }
}

/// Returns the address of the host in `place`, which is a segment as a report shows it.
pub(super) fn address(place: Option<&str>, family: Family) -> Option<IpAddr> {
    match place? {
        "this-host" => Some(family.address(Host::Client)),
        "server-host" => Some(family.address(Host::Cloud)),
        place => place.rsplit(' ').next()?.parse().ok(),
    }
}
