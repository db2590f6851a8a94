//! MC-NMF records, chunks and preambles.

use std::num::NonZeroU32;

use proptest::prelude::*;
use proto::nmf::{
    Chunk, Encoding, Fault, KnownEncoding, KnownFault, MAX_ENVELOPE, Mode, Preamble, Record, Text,
    Upgrade,
};

use crate::{bytes_after, check_answer, check_decoder, rest};

fn modes() -> impl Strategy<Value = Mode> {
    prop::sample::select(
        &[
            Mode::SingletonUnsized,
            Mode::Duplex,
            Mode::Simplex,
            Mode::SingletonSized,
        ][..],
    )
}

fn known_encodings() -> impl Strategy<Value = KnownEncoding> {
    prop::sample::select(
        &[
            KnownEncoding::Soap11Utf8,
            KnownEncoding::Soap11Utf16,
            KnownEncoding::Soap11Utf16LittleEndian,
            KnownEncoding::Soap12Utf8,
            KnownEncoding::Soap12Utf16,
            KnownEncoding::Soap12Utf16LittleEndian,
            KnownEncoding::Soap12Mtom,
            KnownEncoding::Binary,
            KnownEncoding::BinarySession,
        ][..],
    )
}

fn texts<const MAX: u32>() -> impl Strategy<Value = Text<MAX>> {
    let short =
        ".{0,60}".prop_map(|text| Text::new(text).expect("60 characters are at most 240 bytes"));
    let longest = Just(Text::new("x".repeat(MAX as usize)).expect("exactly at the limit"));
    prop_oneof![9 => short, 1 => longest]
}

fn upgrades() -> impl Strategy<Value = Upgrade> {
    prop_oneof![
        Just(Upgrade::SslTls),
        Just(Upgrade::Negotiate),
        texts().prop_map(Upgrade::Other),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    prop_oneof![
        (any::<u8>(), any::<u8>()).prop_map(|(major, minor)| Record::Version { major, minor }),
        modes().prop_map(Record::Mode),
        texts().prop_map(Record::Via),
        known_encodings().prop_map(Record::KnownEncoding),
        texts().prop_map(Record::ExtensibleEncoding),
        Just(Record::UnsizedEnvelope),
        (0..=MAX_ENVELOPE).prop_map(|size| Record::SizedEnvelope { size }),
        Just(Record::End),
        prop::sample::select(&KnownFault::ALL[..])
            .prop_map(|fault| Record::Fault(Fault::Known(fault))),
        texts().prop_map(|uri| Record::Fault(Fault::Other(uri))),
        upgrades().prop_map(Record::UpgradeRequest),
        Just(Record::UpgradeResponse),
        Just(Record::PreambleAck),
        Just(Record::PreambleEnd),
    ]
}

fn preambles() -> impl Strategy<Value = Preamble> {
    let encoding = prop_oneof![
        known_encodings().prop_map(Encoding::Known),
        texts().prop_map(Encoding::Extensible),
    ];
    let parts = (modes(), texts(), encoding, prop::option::of(upgrades()));
    parts.prop_map(|(mode, via, encoding, upgrade)| Preamble {
        mode,
        via,
        encoding,
        upgrade,
    })
}

const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"\x00\x01\x00\x01\x02\x02",
    b"\x00\x01\x00\x01\x02\x02\x01v\x03\x08",
    b"\x02\x80",
    b"\x06\xff\xff",
    b"\x08\x10",
];

proptest! {
    #[test]
    fn records_come_back(value in records(), rest in rest()) {
        let mut stream = Vec::new();
        value.encode(&mut stream);
        let length = stream.len();
        stream.extend(rest);
        check_decoder(&stream, length, &value, Record::decode)?;
    }

    #[test]
    fn preambles_come_back(value in preambles(), rest in rest()) {
        let mut stream = Vec::new();
        value.encode(&mut stream);
        let length = stream.len();
        stream.extend(rest);
        check_decoder(&stream, length, &value, Preamble::decode)?;
    }

    #[test]
    fn chunks_come_back(size in 0..=MAX_ENVELOPE, rest in rest()) {
        let value = NonZeroU32::new(size).map_or(Chunk::End, |size| Chunk::Data { size });
        let mut stream = Vec::new();
        value.encode(&mut stream);
        let length = stream.len();
        stream.extend(rest);
        check_decoder(&stream, length, &value, Chunk::decode)?;
    }

    #[test]
    fn envelopes_over_the_limit_are_refused(size in MAX_ENVELOPE + 1..) {
        let mut stream = Vec::new();
        Record::SizedEnvelope { size }.encode(&mut stream);
        prop_assert!(Record::decode(&stream).is_err());
    }

    /// A preamble that was read is written as the same bytes: each preamble has only one encoding.
    #[test]
    fn any_bytes_get_an_answer(bytes in bytes_after(BEGINNINGS)) {
        check_answer(&bytes, Chunk::decode(&bytes))?;
        if let Some(record) = check_answer(&bytes, Record::decode(&bytes))? {
            let mut again = Vec::new();
            record.encode(&mut again);
            prop_assert!(bytes.starts_with(&again));
        }
        if let Some(preamble) = check_answer(&bytes, Preamble::decode(&bytes))? {
            let mut again = Vec::new();
            preamble.encode(&mut again);
            prop_assert!(bytes.starts_with(&again));
        }
    }
}
