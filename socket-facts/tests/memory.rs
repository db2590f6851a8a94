//! Tests that memory is given back. The test has a process of its own, because other tests allocate memory meanwhile.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![expect(
    clippy::unwrap_used,
    reason = "the test reads what Linux says of this process"
)]

use socket_facts::give_back_memory;

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
