//! The result of an attempt to open a control connection.

use probe_core::control_record::ServerDescription;
use probe_core::observation::{Failure, Observation};

use crate::control::ControlChannel;

/// The result of dialling the control service on one port.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) port: u16,
    pub(super) observation: Observation,
    pub(super) result: Result<(ControlChannel, ServerDescription), Failure>,
}
