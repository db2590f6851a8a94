//! Reading configuration and identity again while sessions run: all of it comes into force, or nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::bind::Bound;
use crate::config::Config;
use crate::identity::Identity;
use crate::instance::Instance;

/// An admin asks over the control service; what became of it goes back the same way: the settings that need
/// a restart, by their names.
pub(crate) type ReloadRequest = oneshot::Sender<Result<Vec<&'static str>, Rejected>>;

/// What was read cannot be used; everything stays as it was. The log says why: an admin's key opens
/// the server, and not the files of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejected;

/// A way to change a server while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Reloader(Arc<Instance>);

impl Bound {
    /// The way to change this server while it runs, and what admins ask of it.
    pub(crate) fn reloader(&mut self) -> (Reloader, Option<mpsc::Receiver<ReloadRequest>>) {
        (Reloader(Arc::clone(&self.instance)), self.reloads.take())
    }
}

impl Reloader {
    /// Puts what was read in force.
    pub(crate) fn accept(&self, config: &Config, identity: &Identity) {
        self.0.reload(config, identity);
        self.0.metrics.reloaded("accepted");
    }

    /// The longest that this server takes to stop, by what is in force.
    pub(crate) fn time_to_stop(&self) -> Duration {
        let live = self.0.live();
        live.notice + live.grace + TIDYING
    }

    /// What was read cannot be used.
    pub(crate) fn reject(&self) {
        self.0.metrics.reloaded("rejected");
    }
}

/// Requests that wait; a second one while the files are being read would only read them again.
pub(crate) const WAITING: usize = 1;
/// For what comes after the grace period: sessions that are ended, and the last lines of the log.
const TIDYING: Duration = Duration::from_secs(5);
