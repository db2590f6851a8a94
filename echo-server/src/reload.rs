//! Applies a new configuration and identity while sessions run, either completely or not at all.

mod request;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::bind::Bound;
use crate::config::Config;
use crate::identity::Identity;
use crate::instance::Instance;

pub(crate) use self::request::{Rejected, ReloadRequest, WAITING};

/// A handle that changes a server while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Reloader(Arc<Instance>);

impl Reloader {
    /// Returns the handle for the server that `bound` will become, and the receiver of admins' requests. Only the first
    /// call returns the receiver.
    pub(crate) fn of(bound: &mut Bound) -> (Self, Option<mpsc::Receiver<ReloadRequest>>) {
        (Self(Arc::clone(&bound.instance)), bound.reloads.take())
    }

    /// Applies the configuration and identity that were read.
    pub(crate) fn accept(&self, config: &Config, identity: &Identity) {
        self.0.reload(config, identity);
        self.0.metrics.reloaded("accepted");
    }

    /// Returns the longest time that this server takes to stop with its current settings.
    pub(crate) fn time_to_stop(&self) -> Duration {
        let live = self.0.live();
        live.notice + live.grace + TIDYING
    }

    /// Counts a reload that failed because the files cannot be used.
    pub(crate) fn reject(&self) {
        self.0.metrics.reloaded("rejected");
    }
}

/// The time needed after the grace period, to end sessions and to write the last lines of the log.
const TIDYING: Duration = Duration::from_secs(5);
