//! What an admin asks of a running server, and the answer.

use tokio::sync::oneshot;

/// An admin asks over the control service; what became of it goes back the same way: the settings that need
/// a restart, by their names.
pub(crate) type ReloadRequest = oneshot::Sender<Result<Vec<&'static str>, Rejected>>;

/// What was read cannot be used; everything stays as it was. The log says why: an admin's key opens
/// the server, and not the files of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejected;

/// Requests that wait; a second one while the files are being read would only read them again.
pub(crate) const WAITING: usize = 1;
