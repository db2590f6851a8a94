//! This process' memory: what the allocator keeps of it, and who may see it.

use crate::platform;

/// Gives to the host what is free in this process and its allocator keeps. It takes some milliseconds for hundreds
/// of megabytes, in which others may wait for memory. Nothing happens where the allocator has no such call.
pub fn give_back_memory() {
    platform::give_back_memory();
}

/// Keeps keys in memory out of what a crash leaves: no core dump on Linux, where no other process of the same user may
/// look into this one any more either, and no heap in the reports of Windows. A system that does not know how is left as
/// it is.
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
