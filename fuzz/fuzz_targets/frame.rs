//! A decoded frame is a prefix of the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::decoded::Decoded;
use proto::frame::Frame;

fuzz_target!(|bytes: &[u8]| {
    match Frame::decode(bytes) {
        Ok(Decoded::Complete { value, consumed }) => {
            assert_eq!(value.wire_len(), consumed);
            assert!(consumed <= bytes.len());
        }
        Ok(Decoded::Incomplete { at_least }) => assert!(at_least > 0),
        Err(_) => {}
    }
});
