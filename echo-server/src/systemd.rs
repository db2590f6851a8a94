//! Notifies systemd (sd_notify(3)). It does nothing if there is no socket to notify.

use std::time::Duration;

/// A sender of notifications to the socket in `NOTIFY_SOCKET`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Systemd;

#[cfg(target_os = "linux")]
impl Systemd {
    pub(crate) fn ready(self) {
        self.tell(&[sd_notify::NotifyState::Ready]);
    }

    /// Announces a reload. Call [`ready`](Self::ready) after it, whether it succeeded or not.
    pub(crate) fn reloading(self) {
        let mut state = vec![sd_notify::NotifyState::Reloading];
        state.extend(sd_notify::NotifyState::monotonic_usec_now());
        self.tell(&state);
    }

    /// Announces that the server is stopping. `time` is the longest that this may take from now on; otherwise the
    /// unit's `TimeoutStopSec=` would end it early.
    pub(crate) fn stopping(self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let extend = sd_notify::NotifyState::ExtendTimeoutUsec(micros);
        self.tell(&[sd_notify::NotifyState::Stopping, extend]);
    }

    pub(crate) fn is_alive(self) {
        self.tell(&[sd_notify::NotifyState::Watchdog]);
    }

    /// Returns the interval at which to report to systemd that this process is alive, or `None` if systemd does not ask
    /// for it.
    pub(crate) fn watchdog(self) -> Option<Duration> {
        // The notifications come twice in each period, as sd_watchdog_enabled(3) advises.
        sd_notify::watchdog_enabled().map(|period| period / 2)
    }

    fn tell(self, state: &[sd_notify::NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(state) {
            tracing::debug!(%error, "systemd could not be notified");
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Systemd {
    pub(crate) fn ready(self) {}

    pub(crate) fn reloading(self) {}

    pub(crate) fn stopping(self, _: Duration) {}

    pub(crate) fn is_alive(self) {}

    pub(crate) fn watchdog(self) -> Option<Duration> {
        None
    }
}
