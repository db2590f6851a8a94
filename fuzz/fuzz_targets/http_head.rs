//! A decoded head is a prefix of the input, and does not depend on what follows it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::decoded::Decoded;
use proto::http_head::{MAX_HEAD, MAX_HEADERS, RequestHead, ResponseHead};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Decoded::Complete { value, consumed }) = RequestHead::decode(bytes) {
        assert_eq!(value.raw(), &bytes[..consumed]);
        assert!(consumed <= MAX_HEAD && value.headers().count() <= MAX_HEADERS);
        let alone = Ok(Decoded::Complete { value, consumed });
        assert_eq!(RequestHead::decode(&bytes[..consumed]), alone);
        let shorter = RequestHead::decode(&bytes[..consumed - 1]);
        assert!(matches!(shorter, Ok(Decoded::Incomplete { .. })));
    }
    if let Ok(Decoded::Complete { value, consumed }) = ResponseHead::decode(bytes) {
        assert_eq!(value.raw(), &bytes[..consumed]);
        assert!(consumed <= MAX_HEAD && value.headers().count() <= MAX_HEADERS);
        for method in ["GET", "CONNECT"] {
            let _ = value.body(method);
        }
        let alone = Ok(Decoded::Complete { value, consumed });
        assert_eq!(ResponseHead::decode(&bytes[..consumed]), alone);
    }
});
