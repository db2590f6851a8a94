//! Tests golden first bytes, and that a decision never changes.

use proptest::prelude::*;

use super::*;

#[test]
fn every_kind_is_recognised_at_its_last_telling_byte() {
    let cases: [(&[u8], FirstBytes); 6] = [
        (b"\x16\x03", FirstBytes::Tls),
        (b"\x03\x00", FirstBytes::Tpkt),
        (b"\x00\x01\x00", FirstBytes::NetTcp),
        (b"GET ", FirstBytes::Http),
        (b"UPDATEREDIRECTREF ", FirstBytes::Http),
        (&MAGIC, FirstBytes::Dialogue),
    ];
    for (bytes, kind) in cases {
        assert_eq!(classify(bytes), kind, "{bytes:02x?}");
        for end in 0..bytes.len() {
            assert_eq!(
                classify(&bytes[..end]),
                FirstBytes::Incomplete,
                "{:02x?}",
                &bytes[..end]
            );
        }
    }
}

#[test]
fn inside_tls_only_three_kinds_are_served() {
    let cases: [(&[u8], FirstBytesInsideTls); 6] = [
        (&MAGIC, FirstBytesInsideTls::Dialogue),
        (b"POST ", FirstBytesInsideTls::Http),
        (b"\x0c", FirstBytesInsideTls::NetTcpPreambleEnd),
        (b"\x16", FirstBytesInsideTls::Unknown),
        (b"\x03", FirstBytesInsideTls::Unknown),
        (b"\x00", FirstBytesInsideTls::Unknown),
    ];
    for (bytes, kind) in cases {
        assert_eq!(classify_inside_tls(bytes), kind, "{bytes:02x?}");
        for end in 0..bytes.len() {
            assert_eq!(
                classify_inside_tls(&bytes[..end]),
                FirstBytesInsideTls::Incomplete
            );
        }
    }
}

#[test]
fn a_stranger_is_known_at_the_first_byte_that_fits_nothing() {
    // Each entry has the bytes, and how many of them decide.
    let strangers: [(&[u8], usize); 10] = [
        (b"\x15\x03", 1),            // TLS alert
        (b"\x80\x2e", 1),            // SSL 2 hello
        (b"\x16\x02", 2),            // not a TLS version
        (b"\x03\x01", 2),            // not TPKT
        (b"\x00\x02", 2),            // MC-NMF of another major version
        (b"\x00\x01\x01", 3),        // MC-NMF of another minor version
        (b"get ", 1),                // methods are case-sensitive
        (b" GET", 1),                // no method at all
        (b"SSH-2.0", 4),             // another service
        (b"ABCDEFGHIJKLMNOPQR", 18), // longer than any method
    ];
    for (bytes, decided_at) in strangers {
        for end in 0..=bytes.len() {
            let expected = if end < decided_at {
                FirstBytes::Incomplete
            } else {
                FirstBytes::Unknown
            };
            assert_eq!(classify(&bytes[..end]), expected, "{:02x?}", &bytes[..end]);
        }
    }
}

#[test]
fn no_two_kinds_share_their_first_byte() {
    let mut firsts: Vec<u8> = PLAIN
        .patterns
        .iter()
        .map(|(pattern, _)| pattern[0])
        .collect();
    firsts.extend(b'A'..=b'Z');
    let count = firsts.len();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), count);
}

/// Generates bytes that mostly begin like a kind, because random bytes hardly ever get past the first one.
fn beginnings() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![
        Just(vec![]),
        Just(vec![0x16]),
        Just(vec![0x03]),
        Just(vec![0x00, 0x01]),
        (0..=MAGIC.len()).prop_map(|end| MAGIC[..end].to_vec()),
        "[A-Z]{1,20} ?".prop_map(String::into_bytes),
    ];
    (start, prop::collection::vec(any::<u8>(), 0..24)).prop_map(|(mut start, rest)| {
        start.extend(rest);
        start
    })
}

proptest! {
    #[test]
    fn a_decision_holds_whatever_follows(bytes in beginnings()) {
        let plain = classify(&bytes);
        let inside = classify_inside_tls(&bytes);
        for end in 0..bytes.len() {
            let earlier = classify(&bytes[..end]);
            prop_assert!(earlier == plain || earlier == FirstBytes::Incomplete);
            let earlier = classify_inside_tls(&bytes[..end]);
            prop_assert!(earlier == inside || earlier == FirstBytesInsideTls::Incomplete);
        }
        if bytes.len() >= MAX_BYTES_NEEDED {
            prop_assert_ne!(plain, FirstBytes::Incomplete);
            prop_assert_ne!(inside, FirstBytesInsideTls::Incomplete);
        }
    }

    /// Some continuation must lead to a kind; otherwise `Incomplete` would only delay the refusal.
    #[test]
    fn incomplete_can_still_become_a_kind(bytes in beginnings()) {
        for end in 0..bytes.len() {
            let prefix = &bytes[..end];
            if classify(prefix) == FirstBytes::Incomplete {
                let reachable = PLAIN.patterns.iter().any(|(pattern, _)| pattern.starts_with(prefix))
                    || classify(&[prefix, b" "].concat()) == FirstBytes::Http;
                prop_assert!(reachable, "{prefix:02x?}");
            }
        }
    }
}
