//! Notifies systemd (sd_notify(3)), for a unit with `Type=notify`.

use super::log::Log;

/// Announces that the watch is ready. Does nothing if no socket for notifications is named.
#[cfg(target_os = "linux")]
pub(super) fn ready(log: &Log) {
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        log.problem(format!("systemd could not be notified: {error}"));
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) const fn ready(_: &Log) {}
