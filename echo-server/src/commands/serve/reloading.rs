//! Reads the files again on request, and logs the result.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::arguments::ServeArguments;
use crate::commands::WITHOUT_NEXT;
use crate::descriptors;
use crate::reload::{Rejected, ReloadRequest, Reloader};
use crate::settings::{Fixed, Settings};
use crate::systemd::Systemd;

pub(super) struct Reloading<'a> {
    arguments: &'a ServeArguments,
    started: Fixed,
    reloader: Reloader,
    admins: Option<mpsc::Receiver<ReloadRequest>>,
    is_over: bool,
}

impl<'a> Reloading<'a> {
    pub(super) fn new(
        arguments: &'a ServeArguments,
        started: Fixed,
        (reloader, admins): (Reloader, Option<mpsc::Receiver<ReloadRequest>>),
    ) -> Self {
        Self {
            arguments,
            started,
            reloader,
            admins,
            is_over: false,
        }
    }

    /// Waits for the next reload request from an admin.
    pub(super) async fn next(&mut self) -> ReloadRequest {
        match &mut self.admins {
            // The sender lives as long as the server.
            Some(admins) => match admins.recv().await {
                Some(request) => request,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Rejects every reload from now on, and returns how long the server may take to stop.
    pub(super) fn stop(&mut self) -> Duration {
        self.is_over = true;
        // Requests that wait or are still to come receive the answer that the server no longer reloads.
        self.admins = None;
        self.reloader.time_to_stop()
    }

    /// Reads the files again and applies them. If anything is wrong with them, nothing changes.
    ///
    /// # Errors
    /// The files cannot be used, or the server is stopping. A reload would then tell systemd that the server is ready,
    /// and thereby withdraw the notification that it stops; new settings could also contradict the announced times.
    pub(super) fn reload(&self) -> Result<Vec<&'static str>, Rejected> {
        if self.is_over {
            return Err(Rejected);
        }
        Systemd.reloading();
        let result = self.read();
        Systemd.ready();
        result
    }

    fn read(&self) -> Result<Vec<&'static str>, Rejected> {
        let mut settings = match Settings::resolve(self.arguments, Timestamp::now()) {
            Ok(settings) => settings,
            Err(errors) => {
                self.reloader.reject();
                // The log gets one line, however many problems there are.
                let problems = errors.to_string().replace('\n', "; ");
                tracing::error!(
                    problems,
                    "reload failed: the configuration or the identity cannot be used; the server \
                     keeps its previous settings"
                );
                return Err(Rejected);
            }
        };
        let keys = settings.identity.keys().iter();
        let valid = keys.filter(|key| !key.revoked).count();
        // The lack of descriptors was reported at the start.
        let _ = descriptors::fit(&mut settings.config);
        self.reloader.accept(&settings.config, &settings.identity);
        tracing::info!(keys = valid, pin = %settings.identity.pin(), "reloaded");
        warn_of_next(&settings);
        let needs_restart = self.started.unlike(&settings);
        if !needs_restart.is_empty() {
            tracing::warn!(
                settings = needs_restart.join(", "),
                "these settings have changed since the start and take effect only after a restart"
            );
        }
        Ok(needs_restart)
    }
}

/// Warns at each start and reload that the next certificate cannot be used. Otherwise nobody would notice until a
/// connection string is needed.
pub(super) fn warn_of_next(settings: &Settings) {
    if let Some(error) = &settings.without_next {
        tracing::warn!(%error, "{WITHOUT_NEXT}");
    }
}
