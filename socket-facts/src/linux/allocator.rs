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

#[cfg(target_env = "gnu")]
#[cfg(test)]
mod tests {
    use super::*;

    fn resident_kib() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    #[test]
    fn what_is_free_between_what_is_held_is_given_back() {
        // The pieces are small enough to come from the heap, and a block that stays allocated follows each of them.
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let mut kept: Vec<Vec<u8>> = Vec::new();
        for _ in 0..512 {
            pieces.push(vec![1; 64 * 1024]);
            kept.push(vec![1; 64]);
        }
        drop(pieces);
        let before = resident_kib();
        give_back_memory();
        let given_back = before.saturating_sub(resident_kib());
        assert!(given_back > 24 * 1024, "{given_back} KiB");
        assert_eq!(kept.len(), 512);
    }
}
