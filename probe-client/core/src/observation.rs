//! Observations: one flat fact each, with at most one failure. Every verdict rests on them.

use std::net::IpAddr;

use proto::excerpt::without_error_numbers;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// One operation on the network, with its result.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    pub operation: Operation,
    /// The name, or the address with its port, on which the operation was carried out.
    pub target: String,
    /// The beginning of the operation, in microseconds since the run's start.
    pub start_us: u64,
    /// The time that the operation took, in microseconds.
    pub duration_us: u64,
    /// How the operation failed. Absent: it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Observation {
    /// Returns the end in microseconds since the run's start.
    pub fn end_us(&self) -> u64 {
        self.start_us.saturating_add(self.duration_us)
    }
}

/// An operation of a probe, in the order in which a probe goes through them.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Resolving the server's name to addresses.
    Resolve,
    /// Resolving the proxy's name to addresses.
    ProxyResolve,
    /// TCP handshake with the proxy.
    ProxyConnect,
    /// TLS handshake with the proxy.
    ProxyTls,
    /// The dialogue with the proxy, from the first request until the proxy reports that it is connected.
    ProxyNegotiation,
    /// TCP handshake.
    Connect,
    /// X.224 or MC-NMF exchange before TLS.
    Preface,
    TlsHandshake,
    /// MC-NMF preamble end and acknowledgement, inside TLS.
    InnerPreface,
    /// Sending the greeting and waiting for the testimony.
    Testimony,
    /// Payload both ways.
    Exchange,
    /// Silence on purpose.
    Hold,
    /// The first sign of life after the silence.
    Resume,
    /// Sending the receipt and waiting for the farewell.
    Farewell,
    /// A call of the control service.
    Control,
}

/// How an operation failed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub kind: FailureKind,
    /// The source of the failure, as far as the system reports it.
    #[serde(default)]
    pub origin: Origin,
    /// The system's error number, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// SYNs that this host sent without an answer, by its kernel's count; absent where the kernel does not
    /// count them, or they were answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syns_sent: Option<u32>,
    /// The text that came with the failure. It never decides anything.
    #[serde(
        default,
        deserialize_with = "plain_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub text: Option<String>,
}

/// The closed list of ways to fail. The code that carries out the operation chooses one.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The resolver says that the name does not exist or has no address.
    NameNotFound,
    /// The resolver could not be asked, or failed.
    ResolverFailed,
    NetworkUnreachable,
    HostUnreachable,
    PermissionDenied,
    /// RST in answer to a SYN.
    Refused,
    /// No answer came in time.
    TimedOut,
    /// Bytes still moved when the time for the whole session was up.
    Slow,
    /// RST on an established connection.
    Reset,
    /// The other end closed in good order, too early.
    Closed,
    /// The TLS handshake failed: an alert, or bytes that are not TLS.
    TlsFailed,
    /// Something answered that does not speak this protocol.
    Foreign,
    /// Bytes of this protocol that were changed on the way.
    Altered,
    /// The proxy answered that it does not connect, or that it cannot.
    ProxyRefused,
    /// The genuine server declined: overloaded or draining.
    Declined,
    /// The genuine server does not accept the key.
    KeyRefused,
    /// This host ran out of something (descriptors, ports, memory).
    LocalResource,
    /// The run was ended before the operation had ended.
    Interrupted,
    /// Another failure; `text` describes it.
    Other,
}

/// The source of an operation's failure.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Origin {
    /// Not known.
    #[default]
    Unknown,
    /// This host itself: no packet from another host was involved.
    ThisHost,
    /// An ICMP error, with its sender.
    Icmp {
        sender: IpAddr,
        #[serde(rename = "type")]
        icmp_type: u8,
        code: u8,
    },
    /// The other end of the connection, or something that speaks for it.
    Peer,
}

impl Origin {
    /// Returns sender, type and code of the ICMP error; `None` for every other origin.
    pub const fn icmp(&self) -> Option<(IpAddr, u8, u8)> {
        match *self {
            Self::Icmp {
                sender,
                icmp_type,
                code,
            } => Some((sender, icmp_type, code)),
            Self::ThisHost | Self::Peer | Self::Unknown => None,
        }
    }
}

impl Failure {
    pub fn new(kind: FailureKind, origin: Origin) -> Self {
        Self {
            kind,
            origin,
            code: None,
            syns_sent: None,
            text: None,
        }
    }

    #[must_use]
    pub fn with_text(self, text: impl Into<String>) -> Self {
        Self {
            text: Some(without_error_numbers(&text.into())),
            ..self
        }
    }

    #[must_use]
    pub fn with_syns_sent(self, syns_sent: Option<u32>) -> Self {
        Self { syns_sent, ..self }
    }

    #[must_use]
    pub fn with_code(self, code: Option<i32>) -> Self {
        Self { code, ..self }
    }
}

/// Reads the text of a failure without the system's error number. Runs that were recorded earlier contain that number.
/// Every report, verdict and rebuilt document takes the text from here; the number is in `code`.
fn plain_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| without_error_numbers(&text)))
}

impl Operation {
    /// Returns the operation in words, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Resolve => "name resolution",
            Self::ProxyResolve => "name resolution (proxy)",
            Self::ProxyConnect => "TCP handshake (proxy)",
            Self::ProxyTls => "TLS handshake (proxy)",
            Self::ProxyNegotiation => "proxy negotiation",
            Self::Connect => "TCP handshake",
            Self::Preface => "protocol negotiation before TLS",
            Self::TlsHandshake => "TLS handshake",
            Self::InnerPreface => "protocol negotiation inside TLS",
            Self::Testimony => "greeting",
            Self::Exchange => "payload exchange",
            Self::Hold => "hold",
            Self::Resume => "use after the hold",
            Self::Farewell => "farewell",
            Self::Control => "control call",
        }
    }
}

impl FailureKind {
    /// Returns in words how the operation failed, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::NameNotFound => "no such name",
            Self::ResolverFailed => "resolver failed",
            Self::NetworkUnreachable => "network unreachable",
            Self::HostUnreachable => "host unreachable",
            Self::PermissionDenied => "not permitted",
            Self::Refused => "refused (RST)",
            Self::TimedOut => "no answer",
            Self::Slow => "still moving when its time was up",
            Self::Reset => "connection reset",
            Self::Closed => "closed without an answer",
            Self::TlsFailed => "TLS failed",
            Self::Foreign => "answered by something else",
            Self::Altered => "bytes altered",
            Self::ProxyRefused => "refused by the proxy",
            Self::Declined => "declined by the server",
            Self::KeyRefused => "key not accepted",
            Self::LocalResource => "out of local resources",
            Self::Interrupted => "interrupted",
            Self::Other => "failed",
        }
    }
}
