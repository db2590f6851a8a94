//! A control connection to one instance of the server, and an attempt at one.

use probe_core::control_record::ServerDescription;
use probe_core::observation::{Failure, FailureKind, Observation};

use crate::control::ControlChannel;

/// An instance that can be asked what it saw.
#[derive(Debug)]
pub(super) struct ControlSession {
    pub(super) channel: ControlChannel,
    pub(super) description: ServerDescription,
    /// When it began to look on, in microseconds since the run's start.
    pub(super) since_us: u64,
    /// How the channel to it broke, when it was last asked.
    pub(super) lost: Option<FailureKind>,
}

/// One port's attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) port: u16,
    pub(super) observation: Observation,
    pub(super) result: Result<(ControlChannel, ServerDescription), Failure>,
}
