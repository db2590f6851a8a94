//! The verdicts: the possible conclusions about a probe, one cause each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Severity;
use crate::id_table;

/// One verdict's row.
#[derive(Clone, Copy, Debug)]
pub struct VerdictEntry {
    pub id: VerdictId,
    /// A headline, without a full stop.
    pub title: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    pub class: VerdictClass,
    /// Whether the verdict fulfils a rule that expects `blocked`.
    pub meets_blocked: bool,
    /// The severity for a rule that expects `open`.
    pub severity: Severity,
    /// Markdown, at most 78 columns wide.
    pub page: &'static str,
}

/// A verdict's statement about the port. Exit codes rest on it.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictClass {
    /// Verified: this alone fulfils a rule that expects `open`.
    Open,
    /// The port is conclusively not usable, for any reason.
    Closed,
    /// No statement about the port: the run is not conclusive.
    NotAboutThePort,
}

/// A word that is not the id of a verdict.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no verdict has this id")]
pub struct UnknownVerdictId;

impl VerdictId {
    /// Ids from earlier versions. They are never used again, not even for a finding.
    pub const RETIRED: &'static [&'static str] = &[];
}

impl VerdictClass {
    /// Returns the class's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::NotAboutThePort => "not-about-the-port",
        }
    }
}

id_table! {
    /// The cause of a probe's result. The ids are stable; a retired one is never used again.
    VerdictId => VerdictEntry, unknown UnknownVerdictId, pages in "verdicts", document "docs/reference/verdicts.md";

    Reachable = "reachable" {
        title: "Open, and the right server answered",
        meaning: "The genuine echo server was verified on this port, and all data came back \
                  unchanged.",
        class: VerdictClass::Open, meets_blocked: false, severity: Severity::Info,
    }
    ReachableWithLoss = "reachable-with-loss" {
        title: "Open, but sessions lose packets",
        meaning: "Verified, but the same loss came back in fresh sessions, or the first session \
                  failed completely.",
        class: VerdictClass::Open, meets_blocked: false, severity: Severity::Warning,
    }
    NameNotResolved = "name-not-resolved" {
        title: "The server's name has no address here",
        meaning: "This host could not turn the server's name into an address.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    NoRoute = "no-route" {
        title: "This host has no route to the server",
        meaning: "This host's own routing refused to send.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    BlockedOnThisHost = "blocked-on-this-host" {
        title: "A rule on this host refuses the connection",
        meaning: "This host's own firewall or security software refused the connection.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    Dropped = "dropped" {
        title: "The connection request vanishes on the way",
        meaning: "The SYN got no answer, and the server saw nothing of it.",
        class: VerdictClass::Closed, meets_blocked: true, severity: Severity::Error,
    }
    ReplyDropped = "reply-dropped" {
        title: "The request arrives, the answer does not come back",
        meaning: "The server saw the SYN and answered it; the answer did not arrive.",
        class: VerdictClass::Closed, meets_blocked: true, severity: Severity::Error,
    }
    Rejected = "rejected" {
        title: "A device on the way resets the connection",
        meaning: "A device before the server host answered the SYN with RST.",
        class: VerdictClass::Closed, meets_blocked: true, severity: Severity::Error,
    }
    Prohibited = "prohibited" {
        title: "A device refuses with an ICMP message",
        meaning: "A device refused the SYN with an ICMP error, and so named itself.",
        class: VerdictClass::Closed, meets_blocked: true, severity: Severity::Error,
    }
    NotListening = "not-listening" {
        title: "The way is open, nothing listens on the port",
        meaning: "The server host itself answered the SYN with RST: the firewall lets the port \
                  through.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    RedirectedToOtherPort = "redirected-to-other-port" {
        title: "The right server, but on another port",
        meaning: "The genuine server accepted the session on a port other than the one dialled.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    AnsweredByMiddlebox = "answered-by-middlebox" {
        title: "A device on the way answered for the server",
        meaning: "The handshake was completed, but the server never saw the session.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    AnsweredByStranger = "answered-by-stranger" {
        title: "Something else speaks on this port",
        meaning: "Something that is not our server answered; the report quotes it.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    PayloadDropped = "payload-dropped" {
        title: "The session opens, then its data vanishes",
        meaning: "The server accepted the session, then application bytes vanished.",
        class: VerdictClass::Closed, meets_blocked: true, severity: Severity::Error,
    }
    PayloadReset = "payload-reset" {
        title: "The session is reset when its data comes",
        meaning: "The server accepted the session, and it was reset when application bytes came.",
        class: VerdictClass::Closed, meets_blocked: true, severity: Severity::Error,
    }
    StallsAfterBytes = "stalls-after-bytes" {
        title: "The session dies after a number of bytes",
        meaning: "The session stops for good after the same number of bytes, whatever the segment \
                  size.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    PathMtuBlackHole = "path-mtu-black-hole" {
        title: "Large packets vanish, small ones pass",
        meaning: "Full-size segments are lost without notice, while small ones pass.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    TlsIntercepted = "tls-intercepted" {
        title: "TLS is decrypted on the way",
        meaning: "A device on the way ends the TLS session and reads it.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    PayloadAltered = "payload-altered" {
        title: "The data is changed on the way",
        meaning: "The bytes that arrived are not the bytes that were sent.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    IdleExpired = "idle-expired" {
        title: "A silent session is forgotten on the way",
        meaning: "A verified session was dead after a time of silence.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    ProxyUnreachable = "proxy-unreachable" {
        title: "The proxy itself does not answer",
        meaning: "No session to the proxy could be opened.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    ProxyAuthenticationRequired = "proxy-authentication-required" {
        title: "The proxy requires credentials",
        meaning: "The proxy serves only those who authenticate; the report lists its schemes.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    ProxyDenied = "proxy-denied" {
        title: "The proxy refuses this destination",
        meaning: "The proxy refused the destination by policy.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    ProxyCouldNotConnect = "proxy-could-not-connect" {
        title: "The proxy tried and could not get through",
        meaning: "The proxy's own connection to the server failed.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    ProxyNameNotResolved = "proxy-name-not-resolved" {
        title: "The proxy cannot resolve the server's name",
        meaning: "The proxy said that it cannot resolve the server's name.",
        class: VerdictClass::Closed, meets_blocked: false, severity: Severity::Error,
    }
    ServerUnreachable = "server-unreachable" {
        title: "Nothing comes back from this address",
        meaning: "No port is reached (silence, RST or ICMP errors): the server, its address, or a \
                  block of it.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Error,
    }
    ServerSilent = "server-silent" {
        title: "Connections are accepted everywhere, but nothing answers",
        meaning: "Handshakes succeed on every port, but no testimony comes.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Error,
    }
    ServerRefused = "server-refused" {
        title: "The server does not accept our key",
        meaning: "The server says that the client key is unknown, revoked or wrong.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Error,
    }
    ServerOverloaded = "server-overloaded" {
        title: "The server is busy and asks clients to come back",
        meaning: "The server knows our key, but is at a limit or shutting down.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Warning,
    }
    ServerUnproven = "server-unproven" {
        title: "The peer holds our key, but is not the pinned server",
        meaning: "A peer that holds the client's key answered with a certificate that is not \
                  pinned.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Error,
    }
    ServerOtherVersion = "server-other-version" {
        title: "The two ends speak different versions",
        meaning: "The server knows our key and speaks another version of the protocol.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Error,
    }
    Inconclusive = "inconclusive" {
        title: "The evidence does not decide",
        meaning: "The evidence fits more than one cause; the report says what is missing.",
        class: VerdictClass::NotAboutThePort, meets_blocked: false, severity: Severity::Warning,
    }
}
