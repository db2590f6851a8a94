//! A session that differs from the probe's own in one respect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Measurement;
use crate::session_kind::SessionKind;

/// A session that differs from the probe's own in one respect, and its measurement.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct VariedSession {
    pub variation: Variation,
    pub measurement: Measurement,
}

/// The respect in which a session differs from the probe's own session.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "differs")]
pub enum Variation {
    /// No difference: the same session once more.
    InNothing,
    /// The silence: this session keeps none.
    InSilence,
    /// The shape of its bytes.
    InShape { session: SessionKind },
    /// The server name that its ClientHello carries.
    InServerName { sent: SentName },
    /// The size of its segments.
    InSegmentSize {
        /// The maximum of TCP payload and options per segment, in bytes, both ways. If the system cannot limit
        /// segments, this side writes at most this number of bytes at a time, and the server's segments are not
        /// limited.
        at_most: u16,
    },
    /// The pace of dialling: alone, after a quiet pause, while `held` connections are kept open that were opened at the
    /// same slow pace.
    InPace { held: u8 },
    /// The size of its ClientHello, as with a post-quantum key share. Only the handshake is run.
    InHelloSize,
    /// The age of its ClientHello: TLS 1.0 without a server name, as .NET sends it on Windows Server 2008
    /// R2. The server answers it with an alert, and no more.
    InHelloAge,
    /// The reach of its packets once the connection is open: `hops` hops.
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
        let Self::InShape { session } = self else {
            return own;
        };
        session
    }
}

/// A name in a domain that RFC 2606 section 3 reserves.
pub const OTHER_NAME: &str = "www.example.com";
