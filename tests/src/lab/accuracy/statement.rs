//! The statements about a port, to which the outputs of all programs are reduced.

use std::net::IpAddr;

/// What a program claims about a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claim {
    /// A handshake was completed, and nothing else was tried.
    Open,
    /// A handshake was completed, but the number of hops to the host that answered differs from that of a working port.
    OpenElsewhere,
    /// An exchange with the port's own session kind succeeded, with the server's own certificate if it used TLS.
    Served,
    /// An exchange with a session kind other than the port's succeeded.
    ServedOtherwise,
    /// Connected; the answer is in another protocol, or differs from the server's.
    OtherAnswer,
    /// Connected; the certificate is not the server's.
    OtherCertificate,
    /// Connected; then nothing arrived.
    Stalls,
    /// Connected; then the connection was reset or closed.
    Ends,
    /// No answer to the SYN.
    NoAnswer,
    /// The port is closed, or the connection was refused.
    Refused,
    /// The port is closed, but the number of hops to the host that answered differs from that of a working port.
    RefusedElsewhere,
    /// An ICMP prohibition.
    Prohibited,
    /// Filtered, because of an unreachable host or network.
    FilteredUnreachable,
    /// No route.
    NoRoute,
    /// Not permitted on this host.
    NotPermitted,
    /// None of these.
    Unclear,
}

/// A statement about a port, and the host that it names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Statement {
    pub said: Claim,
    /// The last host that answered, or the host that sent the prohibition.
    pub at: Option<IpAddr>,
}

impl Claim {
    pub const ALL: [Self; 16] = [
        Self::Open,
        Self::OpenElsewhere,
        Self::Served,
        Self::ServedOtherwise,
        Self::OtherAnswer,
        Self::OtherCertificate,
        Self::Stalls,
        Self::Ends,
        Self::NoAnswer,
        Self::Refused,
        Self::RefusedElsewhere,
        Self::Prohibited,
        Self::FilteredUnreachable,
        Self::NoRoute,
        Self::NotPermitted,
        Self::Unclear,
    ];

    /// Returns the statement as the page shows it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenElsewhere => "open, at a distance other than the server's",
            Self::Served => "served",
            Self::ServedOtherwise => "served, in another shape",
            Self::OtherAnswer => "another protocol or answer",
            Self::OtherCertificate => "another certificate",
            Self::Stalls => "connected, then nothing",
            Self::Ends => "connected, then reset or closed",
            Self::NoAnswer => "no answer",
            Self::Refused => "closed or refused",
            Self::RefusedElsewhere => "closed, at a distance other than the server's",
            Self::Prohibited => "prohibited by ICMP",
            Self::FilteredUnreachable => "filtered, as unreachable",
            Self::NoRoute => "no route",
            Self::NotPermitted => "not permitted",
            Self::Unclear => "nothing usable",
        }
    }

    /// Returns the statement for the system's text about an error of `connect`.
    pub(super) fn of_system_error(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let named = SYSTEM_ERRORS.iter().find(|(words, _)| text.contains(words));
        named.map_or(Self::Unclear, |(_, said)| *said)
    }

    /// Returns the statement without a host.
    pub(super) fn anywhere(self) -> Statement {
        Statement {
            said: self,
            at: None,
        }
    }
}

const SYSTEM_ERRORS: [(&str, Claim); 7] = [
    ("connection refused", Claim::Refused),
    ("no route to host", Claim::NoRoute),
    ("network is unreachable", Claim::NoRoute),
    ("permission denied", Claim::NotPermitted),
    ("operation not permitted", Claim::NotPermitted),
    ("timed out", Claim::NoAnswer),
    ("i/o timeout", Claim::NoAnswer),
];
