//! The peer of a control connection, and whether it has proved a key.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use echo_core::control::{Call, CallError, Coverage, Method, Place, open_call};
use echo_core::sightings::Viewer;
use prost::Message;
use proto::control_auth::Exporter;
use proto::key::KeyId;
use proto::wire::SignedRequest;
use tokio::sync::Notify;
use tonic::Status;

use crate::instance::Instance;
use crate::tasks::Tasks;

#[derive(Debug)]
pub(super) struct Caller {
    pub(super) instance: Arc<Instance>,
    pub(super) address: SocketAddr,
    pub(super) tasks: Tasks,
    /// The exporter of this connection's TLS; without one no call can be authentic.
    exporter: Option<Exporter>,
    /// The connection's place among the control connections of known clients, from the first authentic call on.
    place: OnceLock<Place>,
    known: Notify,
    /// The time at which the search for the caller's half-open connections began, on the server's own clock.
    looked_after: OnceLock<Duration>,
    /// The number of this host's SYN-ACKs that had been refused when that search began.
    refused_before: OnceLock<u64>,
}

impl Caller {
    pub(super) fn new(
        instance: Arc<Instance>,
        address: SocketAddr,
        exporter: Option<Exporter>,
        tasks: Tasks,
    ) -> Self {
        Self {
            instance,
            address: SocketAddr::new(address.ip().to_canonical(), address.port()),
            tasks,
            exporter,
            place: OnceLock::new(),
            known: Notify::new(),
            looked_after: OnceLock::new(),
            refused_before: OnceLock::new(),
        }
    }

    /// Marks the poll for the caller's half-open connections as begun. Returns true only the first time.
    pub(super) fn begins_half_open_poll(&self) -> bool {
        if let Some(count) = self.instance.refused_answers.count() {
            // If another call was first, its count stays. That count was also made before the poll began.
            let _ = self.refused_before.set(count);
        }
        self.looked_after.set(self.instance.clock.now()).is_ok()
    }

    /// Returns how completely this host has looked since the poll began.
    pub(super) fn coverage(&self) -> Coverage {
        Coverage {
            saw_all: self.saw_all(),
            answers_refused: self.answers_refused(),
        }
    }

    fn answers_refused(&self) -> Option<u32> {
        let before = self.refused_before.get()?;
        let since = self
            .instance
            .refused_answers
            .count()?
            .checked_sub(*before)?;
        Some(u32::try_from(since).unwrap_or(u32::MAX))
    }

    /// Returns whether every SYN from the caller's address that reached this host between the beginning of the poll and
    /// the last look was noted as a sighting.
    fn saw_all(&self) -> bool {
        let (begun, witness) = (self.looked_after.get(), &self.instance.witness);
        let (Some(begun), Some(witness)) = (begun, witness) else {
            return false;
        };
        !self.instance.live().behind_source_nat && witness.saw_all(self.address.ip(), *begun)
    }

    /// Waits for the first authentic call.
    pub(super) async fn becomes_known(&self) {
        self.known.notified().await;
    }

    pub(super) fn is_known(&self) -> bool {
        self.place.get().is_some()
    }

    /// Authenticates a call and reads its request. Calls `mark` if the call is authentic.
    ///
    /// # Errors
    /// The call is not authentic or malformed, or there are too many callers.
    pub(super) fn open<M: Message + Default>(
        &self,
        method: Method,
        signed: &SignedRequest,
        mark: impl FnOnce(),
    ) -> Result<Call<M>, Status> {
        let exporter = self.exporter.as_ref();
        let call = match open_call(&self.instance.live().keyring, method, exporter, signed) {
            Ok(call) => call,
            Err(CallError::Unauthenticated(_)) => return Err(unauthenticated()),
            Err(error @ CallError::Malformed) => {
                mark();
                return Err(Status::invalid_argument(error.to_string()));
            }
        };
        mark();
        self.take_place(&call.key.id)?;
        Ok(call)
    }

    /// Returns the caller as the holder of `key`, for a question about sightings.
    pub(super) fn viewer(&self, key: KeyId) -> Viewer {
        let seen = !self.instance.live().behind_source_nat;
        Viewer {
            key,
            address: seen.then(|| self.address.ip()),
        }
    }

    fn take_place(&self, key: &KeyId) -> Result<(), Status> {
        if self.place.get().is_some() {
            return Ok(());
        }
        let place = self.instance.control_places.take(key);
        let place = place.ok_or_else(|| Status::resource_exhausted(TOO_MANY))?;
        // If another call was faster, this one's place is given back here.
        let _ = self.place.set(place);
        self.known.notify_one();
        Ok(())
    }
}

/// Returns the answer to every caller without a valid key, the same for every reason.
pub(super) fn unauthenticated() -> Status {
    Status::unauthenticated(UNAUTHENTICATED)
}

const UNAUTHENTICATED: &str = "not authenticated";
const TOO_MANY: &str =
    "the limit of control connections is reached, for the whole server or for this key";
