//! Reads configuration and identity again while sessions run. All of it takes effect, or none.

mod request;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::bind::Bound;
use crate::config::Config;
use crate::identity::Identity;
use crate::instance::Instance;

pub(crate) use self::request::{Rejected, ReloadRequest, WAITING};

/// A way to change a server while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Reloader(Arc<Instance>);

impl Reloader {
    /// The way to change the server that `bound` will be, and what admins ask of it; the latter once.
    pub(crate) fn of(bound: &mut Bound) -> (Self, Option<mpsc::Receiver<ReloadRequest>>) {
        (Self(Arc::clone(&bound.instance)), bound.reloads.take())
    }

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

/// For what comes after the grace period: sessions that are ended, and the last lines of the log.
const TIDYING: Duration = Duration::from_secs(5);
