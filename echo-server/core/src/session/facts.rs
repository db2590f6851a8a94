//! The facts that the shell gives a session about its connection, and the facts that the session reports about itself.

use std::net::SocketAddr;

use proto::key::KeyId;
use proto::session_kind::SessionKind;

/// Names a dialogue; chosen by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub [u8; 16]);

/// Names a client's run, which has many sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub [u8; 16]);

/// Names one TCP connection; chosen by the server, unique across its instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub [u8; 8]);

/// The connection's facts when it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    pub connection_id: ConnectionId,
    pub local: SocketAddr,
    /// The port that clients dial to reach `local`, if the operator says that it differs from `local`'s own.
    pub public_port: Option<u16>,
    pub peer: SocketAddr,
    /// IP and TCP header of the SYN, if the platform keeps it.
    pub syn: Option<Box<[u8]>>,
    /// The TCP options that both SYNs carried, in the bits of `wire::Testimony`, if the platform reports them.
    pub agreed_options: Option<u8>,
}

/// The TLS session as the server's TLS stack reports it. The ClientHello's digest is not included: the session computes
/// it from the bytes themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version on the wire: 0x0304 for TLS 1.3.
    pub version: u16,
    /// The cipher suite's IANA number.
    pub cipher_suite: u16,
    /// The IANA number of the key exchange group.
    pub group: Option<u16>,
    pub server_name: Option<String>,
    pub alpn: Option<Box<[u8]>>,
    /// The `tls-exporter` of RFC 9266; `None` before TLS 1.3 without extended master secret.
    pub exporter: Option<[u8; 32]>,
    /// The SHA-256 of the client's certificate in DER.
    pub client_certificate_sha256: Option<[u8; 32]>,
}

/// The kernel's facts about the connection. A field is `None` if it was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelFacts {
    pub rtt_us: Option<u32>,
    pub rtt_variance_us: Option<u32>,
    /// The number of retransmissions, without those that the peer reported as unnecessary.
    pub retransmissions: Option<u32>,
    pub duplicates_reported: Option<u32>,
    pub reorderings_seen: Option<u32>,
    pub send_mss: Option<u32>,
    pub receive_mss: Option<u32>,
    pub path_mtu: Option<u32>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The dialogue ran to its farewell.
    Completed,
    PeerClosed,
    PeerReset,
    /// The peer was silent, or did not read, for too long.
    Deadline,
    TlsFailed,
    /// The bytes do not begin any session kind.
    NotRecognised,
    /// The greeting, or a frame after it, was not made with a valid key for this session.
    NotAuthenticated,
    /// An authenticated peer broke the rules of the dialogue.
    Violation,
    /// An authenticated peer asked for more than a session may have.
    OverLimit,
    /// The server is overloaded or draining.
    Refused,
}

impl End {
    /// Returns the word for logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::PeerClosed => "closed",
            Self::PeerReset => "reset",
            Self::Deadline => "deadline",
            Self::TlsFailed => "tls-failed",
            Self::NotRecognised => "not-recognised",
            Self::NotAuthenticated => "not-authenticated",
            Self::Violation => "violation",
            Self::OverLimit => "over-limit",
            Self::Refused => "refused",
        }
    }
}

/// A session's data for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub connection_id: ConnectionId,
    /// The session kind; `None` if it is not recognised, or not yet.
    pub kind: Option<SessionKind>,
    /// How the session ended; `None` if it is not over yet.
    pub end: Option<End>,
    /// TCP payload bytes received, TLS records included.
    pub received: u64,
    pub sent: u64,
    /// The key of the latest authenticated greeting, which may be a replay.
    pub greeted: Option<Greeter>,
    /// Whether the peer answered this server's own nonce, so that the greeting was not a replay.
    pub proved: bool,
    /// The reason why the latest greeting was refused; `None` if it was not.
    pub refusal: Option<&'static str>,
}

/// The key, run and session that a greeting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeter {
    pub key: KeyId,
    pub run: RunId,
    pub session: SessionId,
}
