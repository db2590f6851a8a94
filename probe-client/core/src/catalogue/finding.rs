//! The findings: facts about a probe that are worth knowing but fail nothing by themselves.

use super::Severity;
use crate::id_table;

/// One finding's row.
#[derive(Clone, Copy, Debug)]
pub struct FindingEntry {
    pub id: FindingId,
    /// A headline, without a full stop.
    pub title: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    pub severity: Severity,
    /// Markdown, at most 78 columns wide.
    pub page: &'static str,
}

/// A word that is not the id of a finding.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no finding has this id")]
pub struct UnknownFindingId;

impl FindingId {
    /// Ids from earlier versions. They are never used again, not even for a verdict.
    pub const RETIRED: &'static [&'static str] = &[];
}

id_table! {
    /// A note in addition to a verdict. The ids are stable; a retired one is never used again.
    FindingId => FindingEntry, unknown UnknownFindingId, pages in "findings", document "docs/reference/verdicts.md";

    SourceAddressTranslated = "source-address-translated" {
        title: "The server sees another source address",
        meaning: "A NAT device translates this host's address.",
        severity: Severity::Info,
    }
    EgressAddressDiffers = "egress-address-differs" {
        title: "Sessions leave by different addresses",
        meaning: "The server saw this host under more than one public address.",
        severity: Severity::Warning,
    }
    MssClamped = "mss-clamped" {
        title: "A device lowers the segment size",
        meaning: "The SYN arrived with a smaller MSS than it was sent with.",
        severity: Severity::Info,
    }
    TcpOptionsChanged = "tcp-options-changed" {
        title: "A device changes TCP options",
        meaning: "The SYN or the SYN-ACK arrived with TCP options that differ from those sent.",
        severity: Severity::Info,
    }
    TransparentHttpProxy = "transparent-http-proxy" {
        title: "A proxy handles HTTP on the way",
        meaning: "A proxy that nobody configured here handles HTTP and passes it on.",
        severity: Severity::Warning,
    }
    HttpHeadAltered = "http-head-altered" {
        title: "HTTP request fields are changed on the way",
        meaning: "The request head that arrived is not the one that was sent.",
        severity: Severity::Info,
    }
    ConnectionRelayed = "connection-relayed" {
        title: "Verified, but a device rebuilt the connection",
        meaning: "The server was verified, but the SYN that it got is not the one sent: its mark \
                  is lost.",
        severity: Severity::Warning,
    }
    SynRateLimit = "syn-rate-limit" {
        title: "New connections are limited per second",
        meaning: "SYNs are lost when many are sent at once, and pass after a pause.",
        severity: Severity::Warning,
    }
    DestinationNotTested = "destination-not-tested" {
        title: "The real destination was not tested",
        meaning: "The rule's destination is not the echo server.",
        severity: Severity::Info,
    }
    TlsHelloAltered = "tls-hello-altered" {
        title: "The TLS greeting is changed on the way",
        meaning: "A handshake failed, and the ClientHello that arrived is not the one that was \
                  sent.",
        severity: Severity::Warning,
    }
    LargeHelloBlocked = "large-hello-blocked" {
        title: "A large TLS greeting does not get through",
        meaning: "A ClientHello of post-quantum size fails where a small one passes.",
        severity: Severity::Warning,
    }
    ClientCertificateLost = "client-certificate-lost" {
        title: "The client certificate did not arrive",
        meaning: "This side presented a client certificate, and another or none reached the server.",
        severity: Severity::Error,
    }
    LegacyHelloBlocked = "legacy-hello-blocked" {
        title: "An old TLS greeting does not get through",
        meaning: "A ClientHello of TLS 1.0 without a server name fails where a modern one passes.",
        severity: Severity::Warning,
    }
    Loss = "loss" {
        title: "Single packets were lost",
        meaning: "Packets had to be sent again, but not in the same way in fresh sessions.",
        severity: Severity::Info,
    }
    Reordering = "reordering" {
        title: "Segments overtake each other",
        meaning: "Segments were sent again although the first ones had arrived, because others \
                  overtook them.",
        severity: Severity::Info,
    }
    SlowPath = "slow-path" {
        title: "The way to the server is slow",
        meaning: "Round trips of a second or more, or losses that delayed the session by seconds.",
        severity: Severity::Warning,
    }
    EcnSynLost = "ecn-syn-lost" {
        title: "SYNs that ask for ECN are lost",
        meaning: "SYNs with the ECN bits set are lost, and the ones repeated without them arrive.",
        severity: Severity::Warning,
    }
    EcnBitsCleared = "ecn-bits-cleared" {
        title: "A device clears the ECN bits",
        meaning: "A SYN that asks for ECN arrives without the ECN bits, and was not repeated.",
        severity: Severity::Info,
    }
    ClockSkew = "clock-skew" {
        title: "The clocks of client and server differ",
        meaning: "This host's clock and the server's differ; no verdict depends on it.",
        severity: Severity::Warning,
    }
    ConnectionLimit = "connection-limit" {
        title: "The number of connections at one time is limited",
        meaning: "Sessions fail beyond a number that are open at the same time.",
        severity: Severity::Warning,
    }
    ApplicationIgnoresProxy = "application-ignores-proxy" {
        title: "The application will not take this proxy",
        meaning: "net.tcp got through a proxy here; HPC Pack's own net.tcp takes none \
                  (unconfirmed).",
        severity: Severity::Warning,
    }
    ProxyPasswordInClear = "proxy-password-in-clear" {
        title: "The password went to the proxy in clear",
        meaning: "User name and password went to the proxy in a form that everybody on the way to \
                  it could read.",
        severity: Severity::Warning,
    }
    PortNotOnEveryInstance = "port-not-on-every-instance" {
        title: "Not every instance of the server has this port",
        meaning: "Behind the address are several servers, and one does not listen on this port.",
        severity: Severity::Warning,
    }
    SourceBlocked = "source-blocked" {
        title: "A port that worked stopped answering during the run",
        meaning: "A device may block this host because it tried ports that do not answer.",
        severity: Severity::Warning,
    }
    MarkDropped = "mark-dropped" {
        title: "SYNs with an unusual hop limit are dropped",
        meaning: "fwprobe's mark is dropped on the way; sessions without it pass, and were used.",
        severity: Severity::Info,
    }
    InstanceNotAsked = "instance-not-asked" {
        title: "One instance of the server could not be asked",
        meaning: "Behind the address are several servers, and what one of them saw is not known.",
        severity: Severity::Warning,
    }
}
