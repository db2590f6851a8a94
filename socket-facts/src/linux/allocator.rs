//! Calls the C library's allocator.

/// Returns free memory to the host. Does nothing with other C libraries: musl returns free memory by itself, as far as
/// it can.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "neither nix nor rustix have it")]
pub(crate) fn give_back_memory() {
    // SAFETY: the call takes no pointer and touches only free memory; any thread may call it at any time
    // (malloc_trim(3): MT-Safe).
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back_memory() {}
