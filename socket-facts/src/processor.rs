//! This thread's share of the processor.

use std::time::Duration;

use crate::platform;

/// Returns the time that this thread has run on a processor, in user mode and in the kernel. `None` if the system does
/// not report it.
pub fn processor_time() -> Option<Duration> {
    platform::processor_time()
}
