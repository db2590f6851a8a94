//! The parameters that a session gets before its first byte: everything it cannot know or generate itself.

use std::fmt;
use std::time::Duration;

use proto::connection_string::is_host;
use proto::key::{KeyId, Nonce, Secret};
use proto::limits::{MAX_HOLD, MAX_PATH_TEXT, MAX_STAGE_BYTES, MAX_STAGES};
use proto::nmf;
use proto::x224;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::profile::NettcpMode;
use crate::session_kind::SessionKind;

/// The parameters of one session.
pub struct SessionParameters {
    pub kind: SessionKind,
    pub key_id: KeyId,
    pub secret: Secret,
    pub run_id: [u8; 16],
    /// The session's id. It is random, so that the session's HTTP requests also differ from those of any other session.
    pub session_id: [u8; 16],
    /// Returns a fresh random nonce at each call. Each greeting needs a nonce of its own, and each HTTP request carries
    /// a greeting.
    pub nonces: Box<dyn FnMut() -> Nonce + Send>,
    pub port_dialled: u16,
    /// The path: `direct`, or the proxy without its credentials.
    pub path_text: String,
    /// The server's name or address as the user gave it (IPv6 without brackets), for `Host:`.
    pub host: String,
    /// The service of an MC-NMF preamble. It is required for [`SessionKind::Nettcp`] and ignored for other kinds.
    pub net_tcp: Option<NetTcpService>,
    /// The name in the X.224 cookie, only for [`SessionKind::Rdp`]. It is random because nothing else distinguishes the
    /// requests of different connections.
    pub cookie: String,
    /// The hop limit of the SYN; `None` for the system's default.
    pub hop_limit_mark: Option<u8>,
    /// The time to stay silent after the last stage; `None` for no silence.
    pub hold: Option<Duration>,
    /// The stages, at most [`MAX_STAGES`]; may be empty.
    pub stages: Vec<Stage>,
    /// The wall clock's reading at the run's start, in Unix milliseconds.
    pub wall_unix_ms: u64,
}

/// The service that an MC-NMF preamble asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetTcpService {
    /// The Via URI, at most [`nmf::MAX_VIA`] bytes.
    pub via: String,
    pub mode: NettcpMode,
}

/// Payload bytes of one stage, each way.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    pub up: u32,
    pub down: u32,
}

/// The reason why no session can be made with the given parameters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidParameters {
    #[error("{0} stages; at most {MAX_STAGES} are allowed")]
    Stages(usize),
    #[error("a stage of {0} bytes in one direction; at most {MAX_STAGE_BYTES} are allowed")]
    StageBytes(u32),
    #[error("a hold of {0:?}; the maximum is {MAX_HOLD:?}")]
    Hold(Duration),
    #[error("a path text of {0} bytes; at most {MAX_PATH_TEXT} are allowed")]
    PathText(usize),
    #[error("`{0}` is not a host name, IPv4 address or IPv6 address")]
    Host(String),
    #[error("a nettcp session needs a service to ask for")]
    NoNetTcpService,
    #[error("the Via: {0}")]
    Via(nmf::NmfError),
    #[error("the cookie: {0}")]
    Cookie(x224::X224Error),
}

impl Stage {
    /// Returns a stage with the same number of bytes each way.
    pub const fn both(bytes: u32) -> Self {
        Self {
            up: bytes,
            down: bytes,
        }
    }
}

impl SessionParameters {
    /// Checks the parameters that do not depend on the session kind.
    ///
    /// The preface and the request head check their own parameters when they are built.
    pub(super) fn check(&self) -> Result<(), InvalidParameters> {
        if self.stages.len() > MAX_STAGES {
            return Err(InvalidParameters::Stages(self.stages.len()));
        }
        let sizes = self.stages.iter().flat_map(|stage| [stage.up, stage.down]);
        if let Some(bytes) = sizes.max().filter(|&bytes| bytes > MAX_STAGE_BYTES) {
            return Err(InvalidParameters::StageBytes(bytes));
        }
        if let Some(hold) = self.hold.filter(|&hold| hold > MAX_HOLD) {
            return Err(InvalidParameters::Hold(hold));
        }
        if self.path_text.len() > MAX_PATH_TEXT {
            return Err(InvalidParameters::PathText(self.path_text.len()));
        }
        if !is_host(&self.host) {
            return Err(InvalidParameters::Host(self.host.clone()));
        }
        Ok(())
    }

    /// Returns the hold in whole seconds for the greeting, rounded up.
    pub(super) fn hold_seconds(&self) -> u32 {
        let seconds = self.hold.map_or(0, |hold| {
            hold.as_secs() + u64::from(hold.subsec_nanos() > 0)
        });
        u32::try_from(seconds).expect("at most MAX_HOLD, as checked")
    }
}

impl fmt::Debug for SessionParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionParameters")
            .field("kind", &self.kind)
            .field("key_id", &self.key_id)
            .field("session_id", &hex::encode(self.session_id))
            .field("port_dialled", &self.port_dialled)
            .field("path_text", &self.path_text)
            .field("host", &self.host)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}
