//! A session that differs from the probe's own in one respect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Measurement;
use crate::session_kind::SessionKind;

/// A session that differs from the probe's own in one respect, and what came of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct VariedSession {
    pub variation: Variation,
    pub measurement: Measurement,
}

/// In what a session differs from the probe's own session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "differs")]
pub enum Variation {
    /// In nothing: the same once more.
    InNothing,
    /// In the silence that it kept: none.
    InSilence,
    /// In the shape of its bytes.
    InShape { session: SessionKind },
    /// In the server name that its ClientHello carries.
    InServerName { sent: SentName },
    /// In the size of its segments.
    InSegmentSize {
        /// TCP payload and options per segment at most, in bytes, both ways. Where the system cannot
        /// limit segments, writes are as small, and the way back stays as it is.
        at_most: u16,
    },
    /// In the pace of dialling: alone, after a quiet pause, while so many connections that were opened
    /// as slowly are held.
    InPace { held: u8 },
    /// In the size of its ClientHello: that of one with a post-quantum key share. The handshake is all
    /// that is run.
    InHelloSize,
    /// In the age of its ClientHello: TLS 1.0 without a server name, as .NET sends it on Windows Server
    /// 2008 R2. The server answers it with an alert, and no more.
    InHelloAge,
    /// In how far its packets get once the connection is open: so many hops.
    InReach { hops: u8 },
}

/// The server name in a ClientHello.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SentName {
    None,
    /// [`OTHER_NAME`]: one that has nothing to do with the server.
    Other,
}

impl Variation {
    /// Returns the session kind of this variation of a session of kind `own`.
    pub fn kind(self, own: SessionKind) -> SessionKind {
        match self {
            Self::InShape { session } => session,
            Self::InNothing
            | Self::InSilence
            | Self::InServerName { .. }
            | Self::InSegmentSize { .. }
            | Self::InPace { .. }
            | Self::InHelloSize
            | Self::InHelloAge
            | Self::InReach { .. } => own,
        }
    }
}

/// A name in a domain that RFC 2606 section 3 reserves.
pub const OTHER_NAME: &str = "www.example.com";
