//! The reload request of an admin, and its answer.

use tokio::sync::oneshot;

/// The channel for the answer to a reload that an admin requested over the control service: the names of the settings
/// that need a restart.
pub(crate) type ReloadRequest = oneshot::Sender<Result<Vec<&'static str>, Rejected>>;

/// The error for files that cannot be used; the settings stay as they were. Only the log says why, because an admin's
/// key gives access to the server and not to its host's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejected;

/// The number of requests that wait. A second request while the files are being read would only read them again.
pub(crate) const WAITING: usize = 1;
