//! Checks that records, chunks and preambles have one encoding each, and that a prefix is never an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::decoded::Decoded;
use proto::nmf::{Chunk, Preamble, Record};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Decoded::Complete { value, consumed }) = Preamble::decode(bytes) {
        let mut again = Vec::new();
        value.encode(&mut again);
        assert_eq!(again, bytes[..consumed]);
        for end in 0..consumed {
            assert!(matches!(
                Preamble::decode(&bytes[..end]),
                Ok(Decoded::Incomplete { .. })
            ));
        }
    }
    let mut rest = bytes;
    while let Ok(Decoded::Complete { value, consumed }) = Record::decode(rest) {
        let mut again = Vec::new();
        value.encode(&mut again);
        assert_eq!(again, rest[..consumed]);
        rest = &rest[consumed..];
    }
    if let Ok(Decoded::Complete { value, consumed }) = Chunk::decode(rest) {
        let mut again = Vec::new();
        value.encode(&mut again);
        assert_eq!(again, rest[..consumed]);
    }
});
