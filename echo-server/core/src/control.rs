//! The control service without its gRPC: callers, the server's description of itself, open runs, and the messages for a
//! watcher of sightings.

mod describe;
mod places;
mod query;
mod runs;
mod watch;

use prost::Message;
use proto::control_auth::Exporter;
use proto::key::KeyId;
use proto::wire::SignedRequest;
use thiserror::Error;

use crate::identity::{Key, Keyring, Unauthenticated};

pub use self::describe::{InstanceFacts, ListenerFacts, describe};
pub use self::places::{Place, Places};
pub use self::query::{InvalidQuery, MAX_FOLLOW, MAX_PREFIXES, MAX_SENT, Query};
pub use self::runs::{DEFAULT_RUNS, InvalidRunId, OpenRun, Runs};
pub use self::watch::{Coverage, Watch};

/// The methods of the control service. Calls are signed with the method's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Describe,
    OpenRun,
    WatchSightings,
    Reload,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Self::Describe => "Describe",
            Self::OpenRun => "OpenRun",
            Self::WatchSightings => "WatchSightings",
            Self::Reload => "Reload",
        }
    }
}

/// An authenticated call.
#[derive(Clone, Debug)]
pub struct Call<M> {
    pub key: Holder,
    pub request: M,
}

/// The holder of a key, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub id: KeyId,
    pub label: String,
    pub admin: bool,
}

/// Authenticates a call and reads its request. `exporter` is that of the TLS connection that carried the call.
///
/// # Errors
/// [`CallError::Unauthenticated`] for every defect of the key or MAC. Only an authenticated caller learns that its
/// request is malformed.
pub fn open_call<M: Message + Default>(
    keyring: &Keyring,
    method: Method,
    exporter: Option<&Exporter>,
    signed: &SignedRequest,
) -> Result<Call<M>, CallError> {
    let key = keyring.verify_call(method.name(), exporter, signed)?;
    let request = M::decode(signed.request.as_slice()).map_err(|_| CallError::Malformed)?;
    Ok(Call {
        key: Holder::of(key),
        request,
    })
}

impl Holder {
    fn of(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            label: key.label.clone(),
            admin: key.admin,
        }
    }
}

/// The reason why a call is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    #[error(transparent)]
    Unauthenticated(#[from] Unauthenticated),
    #[error("the request cannot be read as this method's request")]
    Malformed,
}

#[cfg(test)]
mod tests;
