//! `--start-jitter`: a wait before the first packet, so that the nodes of a cluster do not all begin at once.

use std::time::Duration;

use probe_core::start_delay::start_delay;

use crate::config::Config;
use crate::host;

/// Returns how long this node waits; `None` if the user did not ask for it.
pub(crate) fn delay(config: &Config) -> Option<Duration> {
    let longest = config.start_jitter?;
    let host = host::name();
    Some(start_delay(longest, host.as_deref(), &config.labels))
}

/// Returns the message that the user sees during the wait.
pub(crate) fn message(delay: Duration) -> String {
    let seconds = delay.as_secs_f64();
    format!("--start-jitter: the first packet is sent in {seconds:.1} s (Ctrl-C ends the run)")
}
