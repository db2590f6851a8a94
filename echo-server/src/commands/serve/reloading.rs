//! Reads the files again when that is asked for, and says what has come of it.

use tokio::sync::mpsc;

use crate::arguments::ServeArguments;
use crate::descriptors;
use crate::reload::{Rejected, ReloadRequest, Reloader};
use crate::settings::Settings;
use crate::systemd::Systemd;

pub(super) struct Reloading<'a> {
    arguments: &'a ServeArguments,
    reloader: Reloader,
    admins: Option<mpsc::Receiver<ReloadRequest>>,
}

impl<'a> Reloading<'a> {
    pub(super) fn new(
        arguments: &'a ServeArguments,
        (reloader, admins): (Reloader, Option<mpsc::Receiver<ReloadRequest>>),
    ) -> Self {
        Self {
            arguments,
            reloader,
            admins,
        }
    }

    /// The next request of an admin's.
    pub(super) async fn next(&mut self) -> ReloadRequest {
        match &mut self.admins {
            // Its other end lives as long as the server.
            Some(admins) => match admins.recv().await {
                Some(request) => request,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Takes what the files say by now; if anything is wrong with them, nothing changes.
    ///
    /// # Errors
    /// They cannot be used.
    pub(super) fn reload(&self) -> Result<Vec<&'static str>, Rejected> {
        Systemd.reloading();
        let result = self.read();
        Systemd.ready();
        result
    }

    fn read(&self) -> Result<Vec<&'static str>, Rejected> {
        let mut settings = match Settings::resolve(self.arguments) {
            Ok(settings) => settings,
            Err(errors) => {
                self.reloader.reject();
                // One line, however many there are.
                let problems = errors.to_string().replace('\n', "; ");
                tracing::error!(
                    problems,
                    "reload failed: what was read cannot be used, and all stays as it was"
                );
                return Err(Rejected);
            }
        };
        let keys = settings.identity.keys().iter();
        let valid = keys.filter(|key| !key.revoked).count();
        // What lacks was said at the start.
        let _ = descriptors::fit(&mut settings.config);
        let needs_restart = self.reloader.accept(settings.config, &settings.identity);
        tracing::info!(keys = valid, pin = %settings.identity.pin(), "reloaded");
        if !needs_restart.is_empty() {
            tracing::warn!(
                settings = needs_restart.join(", "),
                "these have changed as well, and wait for a restart"
            );
        }
        Ok(needs_restart)
    }
}
