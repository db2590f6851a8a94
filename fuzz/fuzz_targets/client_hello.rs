//! Checks that the tap finds the same in a stream, however the stream is cut. The first byte of
//! the input is the size of the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::client_hello::{ClientHelloSummary, ClientHelloTap};

fuzz_target!(|bytes: &[u8]| {
    let _ = ClientHelloSummary::parse(bytes);
    let Some((&size, stream)) = bytes.split_first() else {
        return;
    };
    let mut whole = ClientHelloTap::new();
    whole.push(stream);
    let mut parts = ClientHelloTap::new();
    for piece in stream.chunks(usize::from(size).max(1)) {
        parts.push(piece);
    }
    assert_eq!(whole.hellos(), parts.hellos());
    assert_eq!(whole.sha256(), parts.sha256());
    assert_eq!(whole.summary(), parts.summary());
    assert_eq!(whole.has_ended(), parts.has_ended());
    assert_eq!(whole.hellos() == 0, whole.sha256().is_none());
});
