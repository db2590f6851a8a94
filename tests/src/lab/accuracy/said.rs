//! What a program's output comes to: one of a few statements that all of them share.

use std::net::IpAddr;

/// What is said about a port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    /// A handshake was completed, and nothing else was tried.
    Open,
    /// The same, by a host that is not as far away as the one behind a port that works.
    OpenElsewhere,
    /// An exchange in the port's own shape went well; with TLS, with the server's own certificate.
    Served,
    /// An exchange in another shape than the port's went well.
    ServedOtherwise,
    /// Connected; what answers does not speak the protocol, or answers otherwise than the server.
    OtherAnswer,
    /// Connected; the certificate is not the server's.
    OtherCertificate,
    /// Connected; then nothing came.
    Stalls,
    /// Connected; then the connection was reset or closed.
    Ends,
    /// No answer to the SYN.
    NoAnswer,
    /// Closed, or refused.
    Refused,
    /// The same, by a host that is not as far away as the one behind a port that works.
    RefusedElsewhere,
    /// An ICMP prohibition.
    Prohibited,
    /// Filtered, because of an unreachable host or network.
    FilteredUnreachable,
    /// No route.
    NoRoute,
    /// Not permitted on this host.
    NotPermitted,
    /// Nothing of that.
    Unclear,
}

/// What is said, and of which host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Statement {
    pub said: Said,
    /// The last one that answered, or the one that prohibits.
    pub at: Option<IpAddr>,
}

impl Said {
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

    /// As the page has it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenElsewhere => "open, at another distance than the server",
            Self::Served => "served",
            Self::ServedOtherwise => "served, in another shape",
            Self::OtherAnswer => "another protocol or answer",
            Self::OtherCertificate => "another certificate",
            Self::Stalls => "connected, then nothing",
            Self::Ends => "connected, then reset or closed",
            Self::NoAnswer => "no answer",
            Self::Refused => "closed or refused",
            Self::RefusedElsewhere => "closed, at another distance than the server",
            Self::Prohibited => "prohibited by ICMP",
            Self::FilteredUnreachable => "filtered, as unreachable",
            Self::NoRoute => "no route",
            Self::NotPermitted => "not permitted",
            Self::Unclear => "nothing usable",
        }
    }

    /// What the system's own text for an error of `connect` says.
    pub(super) fn of_system_error(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let named = SYSTEM_ERRORS.iter().find(|(words, _)| text.contains(words));
        named.map_or(Self::Unclear, |(_, said)| *said)
    }

    /// No host is named.
    pub(super) fn anywhere(self) -> Statement {
        Statement {
            said: self,
            at: None,
        }
    }
}

const SYSTEM_ERRORS: [(&str, Said); 7] = [
    ("connection refused", Said::Refused),
    ("no route to host", Said::NoRoute),
    ("network is unreachable", Said::NoRoute),
    ("permission denied", Said::NotPermitted),
    ("operation not permitted", Said::NotPermitted),
    ("timed out", Said::NoAnswer),
    ("i/o timeout", Said::NoAnswer),
];
