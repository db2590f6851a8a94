//! A classification never changes once it is made, and needs no more than `MAX_BYTES_NEEDED` bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::first_bytes::{
    FirstBytes, FirstBytesInsideTls, MAX_BYTES_NEEDED, classify, classify_inside_tls,
};

fuzz_target!(|bytes: &[u8]| {
    let plain = classify(bytes);
    let inside = classify_inside_tls(bytes);
    for end in 0..bytes.len().min(MAX_BYTES_NEEDED) {
        let earlier = classify(&bytes[..end]);
        assert!(earlier == plain || earlier == FirstBytes::Incomplete);
        let earlier = classify_inside_tls(&bytes[..end]);
        assert!(earlier == inside || earlier == FirstBytesInsideTls::Incomplete);
    }
    if bytes.len() >= MAX_BYTES_NEEDED {
        assert_ne!(plain, FirstBytes::Incomplete);
        assert_ne!(inside, FirstBytesInsideTls::Incomplete);
    }
});
