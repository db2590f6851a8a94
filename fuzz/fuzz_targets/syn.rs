//! A SYN from a testimony is parsed or refused, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::syn::SynHeader;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(syn) = SynHeader::parse(bytes) {
        let _ = (syn.maximum_segment_size(), syn.timestamps());
    }
});
