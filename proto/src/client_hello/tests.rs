//! Tests real streams, with digests from another source, and hostile ones.

use proptest::prelude::*;
use sha2::Digest as _;

use super::*;

struct Capture {
    hex: &'static str,
    hellos: usize,
    sha256: &'static str,
}

const CAPTURES: [Capture; 4] = [
    Capture {
        hex: include_str!("captures/tls13.hex"),
        hellos: 1,
        sha256: "36036e1772581799ac534a04f8093d63066de7c857e90c924a198dd39dc209aa",
    },
    Capture {
        hex: include_str!("captures/tls13_hello_retry.hex"),
        hellos: 2,
        sha256: "41e8744cf92b3d981ac7b540609550c2d8e9ab9fa06585c5a3245a09e701cb80",
    },
    Capture {
        hex: include_str!("captures/tls12.hex"),
        hellos: 1,
        sha256: "688054536093149cb4a228cc03915275eaf73eb49009a2dc7ab8ae3700f374e6",
    },
    Capture {
        hex: include_str!("captures/tls12_resumed.hex"),
        hellos: 1,
        sha256: "6ca816875b40831df8dd038d46b3f56c4cc0d0a57938ae59d2c5e817920f6430",
    },
];

#[test]
fn captured_streams_give_their_digest_however_they_are_cut() {
    for capture in &CAPTURES {
        let stream = from_hex(capture.hex);
        for size in [1, 2, 5, 7, 64, stream.len()] {
            let mut tap = ClientHelloTap::new();
            for piece in stream.chunks(size) {
                tap.push(piece);
            }
            assert_eq!(tap.hellos(), capture.hellos);
            assert_eq!(
                tap.sha256().map(hex::encode).as_deref(),
                Some(capture.sha256)
            );
            assert!(tap.has_ended());
        }
    }
}

#[test]
fn first_of_two_hellos_has_its_own_digest() {
    let stream = from_hex(CAPTURES[1].hex);
    let mut tap = ClientHelloTap::new();
    tap.push(&stream[..301]);
    assert_eq!((tap.hellos(), tap.sha256()), (0, None));
    tap.push(&stream[301..302]);
    let first = "f038ab1a7f8b554364c97b4f26753544afd4376d472a5ed4b54a9577cb19ddfe";
    assert_eq!(tap.sha256().map(hex::encode).as_deref(), Some(first));
    // The second hello without its last byte changes nothing.
    tap.push(&stream[302..302 + 6 + 366]);
    assert_eq!((tap.hellos(), tap.has_ended()), (1, false));
    assert_eq!(tap.sha256().map(hex::encode).as_deref(), Some(first));
}

#[test]
fn the_summary_is_that_of_the_first_hello() {
    let tap = tapped(&from_hex(CAPTURES[1].hex));
    let expected = ClientHelloSummary {
        legacy_version: 0x0303,
        server_name: Some("echo.example".to_owned()),
        alpn: vec![],
        supported_versions: vec![0x0304, 0x0303, 0x0302, 0x0301],
        key_share_groups: vec![29],
        cut: false,
    };
    assert_eq!(tap.summary(), Some(&expected));
    let tap = tapped(&from_hex(CAPTURES[0].hex));
    assert_eq!(
        tap.summary().map(|summary| summary.alpn.clone()),
        Some(vec![b"http/1.1".to_vec()])
    );
    let tap = tapped(&from_hex(CAPTURES[2].hex));
    let expected = ClientHelloSummary {
        legacy_version: 0x0303,
        ..ClientHelloSummary::default()
    };
    assert_eq!(tap.summary(), Some(&expected));
}

#[test]
fn fragments_make_no_difference() {
    let message = hello(*b"random-random-random-random-rand", &[0xAB; 300]);
    let whole = tapped(&record(22, &message));
    for size in [1, 3, 4, 38, 300] {
        let stream: Vec<u8> = message
            .chunks(size)
            .flat_map(|fragment| record(22, fragment))
            .collect();
        let tap = tapped(&stream);
        assert_eq!(tap.hellos(), 1);
        assert_eq!(tap.sha256(), whole.sha256());
    }
    assert_eq!(whole.sha256(), Some(Sha256::digest(&message).into()));
}

#[test]
fn a_second_hello_must_be_of_the_same_client() {
    let first = record(22, &hello([1; 32], &[]));
    let change = record(20, &[1]);
    let again = record(22, &hello([1; 32], &[9]));
    let other = record(22, &hello([2; 32], &[9]));
    assert_eq!(tapped(&[&first[..], &change, &again].concat()).hellos(), 2);
    let tap = tapped(&[&first[..], &change, &other, &again].concat());
    assert_eq!((tap.hellos(), tap.has_ended()), (1, true));
    assert_eq!(tap.sha256(), tapped(&first).sha256());
}

#[test]
fn an_encrypted_message_that_looks_like_a_hello_adds_nothing() {
    // In TLS 1.2 the record type is handshake, and the first encrypted bytes look like those of a ClientHello by
    // chance.
    let first = record(22, &hello([1; 32], &[]));
    let change = record(20, &[1]);
    let mut encrypted = vec![0x01, 0x00, 0x00, 0x24];
    encrypted.extend([0x5A; 36]);
    let tap = tapped(&[first.clone(), change, record(22, &encrypted)].concat());
    assert_eq!((tap.hellos(), tap.has_ended()), (1, true));
    assert_eq!(tap.sha256(), tapped(&first).sha256());
}

#[test]
fn whatever_is_not_a_hello_ends_the_tap() {
    let first = record(22, &hello([1; 32], &[]));
    let half = record(22, &hello([1; 32], &[0; 20])[..10]);
    let change = record(20, &[1]);
    let cases: [(&str, Vec<u8>, usize); 12] = [
        ("application data", record(23, &[0]), 0),
        ("alert", record(21, &[1, 0]), 0),
        ("change_cipher_spec before a hello", change.clone(), 0),
        (
            "change_cipher_spec within a hello",
            [&half[..], &change].concat(),
            0,
        ),
        (
            "long change_cipher_spec",
            [&first[..], &record(20, &[1, 1])].concat(),
            1,
        ),
        ("empty fragment", vec![22, 3, 1, 0, 0], 0),
        ("fragment over 2^14", vec![22, 3, 1, 0x40, 0x01], 0),
        ("another major version", vec![22, 2, 1, 0, 1], 0),
        ("another handshake message", record(22, &[2, 0, 0, 40]), 0),
        ("hello without a random", record(22, &[1, 0, 0, 33]), 0),
        ("hello over 64 KiB", record(22, &[1, 0, 0xFF, 0xFD]), 0),
        (
            "alert after a hello",
            [&first[..], &record(21, &[1, 0])].concat(),
            1,
        ),
    ];
    for (what, stream, hellos) in cases {
        let mut tap = tapped(&stream);
        assert_eq!((tap.hellos(), tap.has_ended()), (hellos, true), "{what}");
        let digest = tap.sha256();
        tap.push(&first);
        assert_eq!((tap.hellos(), tap.sha256()), (hellos, digest), "{what}");
    }
}

#[test]
fn a_hello_of_64_kib_is_hashed_whole_and_kept_in_part() {
    let message = hello([1; 32], &vec![0; MAX_HELLO - 38]);
    assert_eq!(message.len(), MAX_HELLO);
    let stream: Vec<u8> = message
        .chunks(1 << 14)
        .flat_map(|fragment| record(22, fragment))
        .collect();
    let mut tap = ClientHelloTap::new();
    for piece in stream.chunks(1000) {
        tap.push(piece);
        assert!(tap.message.kept.len() <= MAX_KEPT);
    }
    assert_eq!(tap.sha256(), Some(Sha256::digest(&message).into()));
    assert_eq!(tap.message.kept.capacity(), 0);
}

#[test]
fn a_summary_says_where_it_was_cut() {
    let message = &from_hex(CAPTURES[0].hex)[5..333];
    let whole = ClientHelloSummary::parse(message).unwrap();
    assert!(!whole.cut);
    let without_extensions = 4 + 2 + 32 + 1 + 32 + 2 + 2 * 31 + 2;
    for end in 0..message.len() {
        let summary = ClientHelloSummary::parse(&message[..end]);
        assert_eq!(summary.is_some(), end >= 6);
        if let Some(summary) = summary {
            assert_eq!(summary.cut, end != without_extensions, "{end}");
            assert!(
                whole
                    .supported_versions
                    .starts_with(&summary.supported_versions)
            );
            assert!(whole.alpn.starts_with(&summary.alpn));
        }
    }
}

#[test]
fn a_hello_of_empty_entries_takes_little_memory() {
    let alpn = [&[0, 16, 0x0F, 0x02, 0x0F, 0x00][..], &[0; 0x0F00]].concat();
    let extensions = [&[0x0F, 0x06][..], &alpn].concat();
    let message = hello([1; 32], &[&[0, 0, 0, 0][..], &extensions].concat());
    let summary = ClientHelloSummary::parse(&message).unwrap();
    assert_eq!((summary.alpn.len(), summary.cut), (MAX_LISTED, true));
}

proptest! {
    #[test]
    fn no_stream_is_cut_into_another(bytes in streams(), cut in any::<prop::sample::Index>()) {
        let at = cut.index(bytes.len() + 1);
        let whole = tapped(&bytes);
        let mut parts = tapped(&bytes[..at]);
        parts.push(&bytes[at..]);
        prop_assert_eq!(whole.hellos(), parts.hellos());
        prop_assert_eq!(whole.sha256(), parts.sha256());
        prop_assert_eq!(whole.summary(), parts.summary());
        prop_assert_eq!(whole.has_ended(), parts.has_ended());
    }

    #[test]
    fn any_bytes_have_a_summary_or_none(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Some(summary) = ClientHelloSummary::parse(&bytes) {
            prop_assert!(summary.alpn.len() <= MAX_LISTED);
        }
    }
}

/// Generates captures with one byte changed: random bytes would never get past the first record header.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    (0..CAPTURES.len(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(which, at, byte)| {
        let mut stream = from_hex(CAPTURES[which].hex);
        let at = at.index(stream.len());
        stream[at] = byte;
        stream
    })
}

fn tapped(stream: &[u8]) -> ClientHelloTap {
    let mut tap = ClientHelloTap::new();
    tap.push(stream);
    tap
}

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
    [&[kind, 3, 1][..], &length, fragment].concat()
}

/// Returns a ClientHello whose body after the random is `rest`.
fn hello(random: [u8; 32], rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(34 + rest.len()).unwrap().to_be_bytes();
    [&[1][..], &length[1..], &[3, 3], &random, rest].concat()
}

fn from_hex(wrapped: &str) -> Vec<u8> {
    let digits: String = wrapped.split_whitespace().collect();
    hex::decode(digits).unwrap()
}
