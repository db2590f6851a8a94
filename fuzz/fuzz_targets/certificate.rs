//! Checks certificates that a peer presents, on TLS to a proxy, to the server or to a stranger that answers in its
//! name: each is described within bounds, and no text in it reaches a terminal unescaped.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use proto::connection_string::Pin;
use rustls::pki_types::UnixTime;

#[path = "../../probe-client/src"]
mod client {
    pub(crate) mod certificate;
}

use client::certificate::{describe, is_in_time};

fuzz_target!(|der: &[u8]| {
    let described = describe(der, &[Pin([0; 32])]);
    assert!(!described.pinned, "no key has this digest");
    assert!(described.names.len() <= 32);
    let texts = [&described.subject, &described.issuer]
        .into_iter()
        .flatten();
    for text in texts.chain(&described.names) {
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.len() <= 4096, "{} bytes", text.len());
    }
    // A certificate is valid in one period without gaps, or never.
    let at = |seconds| {
        is_in_time(
            der,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
        )
    };
    let moments = [0, 1 << 30, 1 << 31, 1 << 33, u64::MAX];
    let inside = moments.map(|seconds| at(seconds).is_ok());
    let stretches = inside.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert!(stretches + usize::from(inside[0]) <= 1, "{inside:?}");
});
