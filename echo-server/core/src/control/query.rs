//! Checks a watcher's question and limits its size.

use std::time::Duration;

use proto::wire;
use thiserror::Error;

use crate::session::{RunId, SessionId};
use crate::sightings::{PrefixDigest, Sent};
use crate::time::UnixMillis;

/// The question of a `WatchSightings` call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub run: RunId,
    pub sent: Vec<Sent>,
    /// How long to report sightings that arrive later, at most [`MAX_FOLLOW`].
    pub follow: Duration,
}

impl TryFrom<wire::WatchSightingsRequest> for Query {
    type Error = InvalidQuery;

    fn try_from(request: wire::WatchSightingsRequest) -> Result<Self, InvalidQuery> {
        if request.sent.len() > MAX_SENT {
            return Err(InvalidQuery::TooManySent);
        }
        let run = request.run_id.try_into();
        Ok(Self {
            run: RunId(run.map_err(|_| InvalidQuery::RunId)?),
            sent: request
                .sent
                .into_iter()
                .map(Sent::try_from)
                .collect::<Result<_, _>>()?,
            follow: Duration::from_millis(request.follow_ms.into()).min(MAX_FOLLOW),
        })
    }
}

impl TryFrom<wire::Sent> for Sent {
    type Error = InvalidQuery;

    fn try_from(sent: wire::Sent) -> Result<Self, InvalidQuery> {
        let tag = sent.tag;
        if sent.prefixes.len() > MAX_PREFIXES {
            return Err(InvalidQuery::TooManyPrefixes { tag });
        }
        let port = u16::try_from(sent.port).map_err(|_| InvalidQuery::Port { tag })?;
        if sent.from_unix_ms > sent.until_unix_ms {
            return Err(InvalidQuery::Window { tag });
        }
        Ok(Self {
            tag,
            port,
            prefixes: sent
                .prefixes
                .into_iter()
                .map(|prefix| {
                    let sha256 = prefix.sha256.try_into();
                    Ok(PrefixDigest {
                        bytes: prefix.bytes,
                        sha256: sha256.map_err(|_| InvalidQuery::Digest { tag })?,
                    })
                })
                .collect::<Result<_, _>>()?,
            window: UnixMillis(sent.from_unix_ms)..=UnixMillis(sent.until_unix_ms),
            session: session(tag, sent.session_id)?,
            source_port: u16::try_from(sent.source_port)
                .ok()
                .filter(|port| *port != 0),
            same_ip_version: sent.same_ip_version,
        })
    }
}

fn session(tag: u32, bytes: Vec<u8>) -> Result<Option<SessionId>, InvalidQuery> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let id = bytes.try_into();
    id.map(|id| Some(SessionId(id)))
        .map_err(|_| InvalidQuery::Session { tag })
}

/// The defect of a question; `tag` names the connection in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidQuery {
    #[error("a run id has 16 bytes")]
    RunId,
    #[error("more than {MAX_SENT} connections in one question")]
    TooManySent,
    #[error("more than {MAX_PREFIXES} prefixes of connection {tag}")]
    TooManyPrefixes { tag: u32 },
    #[error("the port of connection {tag} is not between 0 and 65535")]
    Port { tag: u32 },
    #[error("a digest of connection {tag} does not have 32 bytes")]
    Digest { tag: u32 },
    #[error("the session id of connection {tag} is not 16 bytes long")]
    Session { tag: u32 },
    #[error("the window of connection {tag} ends before it begins")]
    Window { tag: u32 },
}

/// The maximum number of connections in one question: several attempts at every rule of the largest profile.
pub const MAX_SENT: usize = 512;

/// The maximum number of prefixes of one connection: those that sightings keep, and some more for streams that ended at
/// other lengths.
pub const MAX_PREFIXES: usize = 16;

/// The maximum time that one call stays open. No probe waits for anything that arrives later.
pub const MAX_FOLLOW: Duration = Duration::from_secs(120);
