//! A control connection to one instance of the server, and an attempt to open one.

use probe_core::control_record::ServerDescription;
use probe_core::observation::{Failure, FailureKind, Observation};

use crate::control::ControlChannel;

/// An instance that can be asked for its sightings, and the channel to it.
#[derive(Debug)]
pub(super) struct ControlSession {
    pub(super) channel: ControlChannel,
    pub(super) description: ServerDescription,
    /// When the instance began to watch, in microseconds since the run's start.
    pub(super) since_us: u64,
    /// How the channel failed when the instance was last asked; `None` if it did not.
    pub(super) lost: Option<FailureKind>,
}

/// The result of dialling the control service on one port.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) port: u16,
    pub(super) observation: Observation,
    pub(super) result: Result<(ControlChannel, ServerDescription), Failure>,
}
