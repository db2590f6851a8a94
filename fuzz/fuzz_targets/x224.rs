//! A decoded value can be encoded and decoded again to the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::decoded::Decoded;
use proto::x224::{ConnectionConfirm, ConnectionRequest};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Decoded::Complete { value, consumed }) = ConnectionRequest::decode(bytes) {
        let mut again = Vec::new();
        value.encode(&mut again);
        assert_eq!(again.len(), consumed);
        assert_eq!(
            ConnectionRequest::decode(&again),
            Ok(Decoded::Complete { value, consumed })
        );
    }
    if let Ok(Decoded::Complete { value, consumed }) = ConnectionConfirm::decode(bytes) {
        let mut again = Vec::new();
        value.encode(&mut again);
        assert_eq!(again.len(), consumed);
        assert_eq!(
            ConnectionConfirm::decode(&again),
            Ok(Decoded::Complete { value, consumed })
        );
    }
});
