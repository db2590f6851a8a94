//! Controls this process' memory: how much of it the allocator keeps, and which processes may read it.

use crate::platform;

/// Returns to the host the memory that is free in this process but kept by its allocator. It takes
/// some milliseconds for hundreds of megabytes, while other threads may wait for memory. Does nothing
/// if the allocator has no call for this.
pub fn give_back_memory() {
    platform::give_back_memory();
}

/// Keeps secrets in memory out of crash dumps. Linux then writes no core dump, and other processes of the same user may
/// no longer read this one's memory. Windows leaves the heap out of its reports. Does nothing on systems without a way
/// to do it.
pub fn keep_memory_private() {
    platform::keep_memory_private();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_kernel_holds_the_process_for_private() {
        super::keep_memory_private();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
    }
}
