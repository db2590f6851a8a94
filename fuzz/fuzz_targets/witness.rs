//! The witness's table is bounded for all packets that a host on the network sends.
#![no_main]

use std::net::IpAddr;
use std::time::Duration;

use echo_core::time::UnixMillis;
use echo_core::witness::Witness;
use libfuzzer_sys::fuzz_target;

// Each packet in the input follows a byte with its length.
fuzz_target!(|bytes: &[u8]| {
    let client: IpAddr = [127, 0, 0, 1].into();
    let mut witness = Witness::new(CAPACITY);
    witness.watch(client, Duration::ZERO);
    let mut rest = bytes;
    let mut taken = 0_u64;
    while let Some((&length, after)) = rest.split_first() {
        let (packet, after) = after.split_at(after.len().min(length.into()));
        let now = Duration::from_millis(taken);
        witness.take(
            packet,
            |local| local.port() % 2 == 1,
            now,
            UnixMillis(taken),
        );
        assert!(witness.len() <= CAPACITY);
        taken += 1;
        rest = after;
    }
    for syn in witness.hand_over(client) {
        assert_eq!(syn.local.port() % 2, 1);
        assert!(syn.answered || syn.header.is_some());
    }
    witness.leave(client);
    assert!(witness.is_idle() && witness.is_empty());
});

const CAPACITY: usize = 8;
