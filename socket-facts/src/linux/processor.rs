//! Reads how long a thread has run on a processor.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

pub(crate) fn processor_time() -> Option<Duration> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
    Some(time.into())
}
