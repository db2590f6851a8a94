//! What the allocator keeps of this process' memory.

use crate::platform;

/// Gives to the host what is free in this process and its allocator keeps. It takes some milliseconds for hundreds
/// of megabytes, in which others may wait for memory. Nothing happens where the allocator has no such call.
pub fn give_back_memory() {
    platform::give_back_memory();
}
