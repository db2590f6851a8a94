//! Tests golden bytes, sizes at their limits, and what must be refused. Properties are in `tests/codecs`.

use super::size::encode_size;
use super::*;
use crate::cursor::decode_front;
use crate::decoded::Decoded;

const STAGING_VIA: &str = "net.tcp://203.0.113.10:7998/Microsoft.Hpc.Azure.Endpoint.FileStaging";

#[test]
fn file_staging_preamble_is_98_bytes() {
    let preamble = preamble(Mode::SingletonUnsized, STAGING_VIA, KnownEncoding::Binary);
    let golden = from_hex(
        "000100 0101
         0244 6e65742e7463703a2f2f3230332e302e3131332e31303a37393938
              2f4d6963726f736f66742e4870632e417a7572652e456e64706f696e
              742e46696c6553746167696e67
         0307
         0913 6170706c69636174696f6e2f73736c2d746c73",
    );
    assert_eq!(golden.len(), 98);
    let mut encoded = Vec::new();
    preamble.encode(&mut encoded);
    assert_eq!(hex::encode(encoded), hex::encode(&golden));
    let expected = Decoded::Complete {
        value: preamble,
        consumed: 98,
    };
    assert_eq!(Preamble::decode(&golden), Ok(expected));
}

#[test]
fn soa_preamble_differs_in_mode_and_encoding() {
    let preamble = preamble(Mode::Duplex, STAGING_VIA, KnownEncoding::BinarySession);
    let mut encoded = Vec::new();
    preamble.encode(&mut encoded);
    assert_eq!(encoded[3..5], [0x01, 0x02]);
    assert_eq!(encoded[75..77], [0x03, 0x08]);
}

#[test]
fn via_lengths_of_the_hpc_services() {
    let services = [
        ("7999", "JobManager", 0x40),
        ("5901", "BrokerProxy", 0x41),
        ("5902", "ProxyControl", 0x42),
    ];
    for (port, service, length) in services {
        let via = format!("net.tcp://h.example:{port}/Microsoft.Hpc.Azure.Endpoint.{service}");
        let mut encoded = Vec::new();
        Record::Via(Text::new(via.clone()).unwrap()).encode(&mut encoded);
        assert_eq!(encoded[..2], [0x02, length], "{via}");
        assert_eq!(&encoded[2..], via.as_bytes());
    }
}

#[test]
fn longest_preamble_has_the_length_that_is_promised() {
    let preamble = Preamble {
        mode: Mode::Duplex,
        via: Text::new("v".repeat(2048)).unwrap(),
        encoding: Encoding::Extensible(Text::new("e".repeat(256)).unwrap()),
        upgrade: Some(Upgrade::Other(Text::new("u".repeat(256)).unwrap())),
    };
    let mut encoded = Vec::new();
    preamble.encode(&mut encoded);
    assert_eq!(encoded.len(), 2574);
}

#[test]
fn fault_records() {
    let prefix = "http://schemas.microsoft.com/ws/2006/05/framing/faults/";
    for fault in KnownFault::ALL {
        let uri = format!("{prefix}{}", fault.name());
        let golden = [&[0x08, u8::try_from(uri.len()).unwrap()], uri.as_bytes()].concat();
        check_record(&golden, &Record::Fault(Fault::Known(fault)));
    }
    let mut encoded = Vec::new();
    Record::Fault(Fault::Known(KnownFault::EndpointNotFound)).encode(&mut encoded);
    assert_eq!(encoded[..2], [0x08, 0x47]);
    encoded.clear();
    Record::Fault(Fault::Known(KnownFault::UpgradeInvalid)).encode(&mut encoded);
    assert_eq!(encoded[..2], [0x08, 0x45]);
}

#[test]
fn a_fault_that_nobody_named_is_kept() {
    let other = Fault::Other(Text::new("urn:other").unwrap());
    check_record(b"\x08\x09urn:other", &Record::Fault(other));
}

#[test]
fn records_of_one_byte() {
    check_record(&[0x05], &Record::UnsizedEnvelope);
    check_record(&[0x07], &Record::End);
    check_record(&[0x0A], &Record::UpgradeResponse);
    check_record(&[0x0B], &Record::PreambleAck);
    check_record(&[0x0C], &Record::PreambleEnd);
}

#[test]
fn sized_envelope_and_chunks() {
    check_record(&[0x06, 0xAC, 0x02], &Record::SizedEnvelope { size: 300 });
    let mut encoded = Vec::new();
    let chunk = Chunk::Data {
        size: 300.try_into().unwrap(),
    };
    chunk.encode(&mut encoded);
    Chunk::End.encode(&mut encoded);
    assert_eq!(encoded, [0xAC, 0x02, 0x00]);
    let expected = Decoded::Complete {
        value: chunk,
        consumed: 2,
    };
    assert_eq!(Chunk::decode(&encoded), Ok(expected));
    let expected = Decoded::Complete {
        value: Chunk::End,
        consumed: 1,
    };
    assert_eq!(Chunk::decode(&encoded[2..]), Ok(expected));
}

#[test]
fn sizes_at_the_edges_of_their_bytes() {
    let cases: [(u32, &[u8]); 9] = [
        (0, &[0x00]),
        (127, &[0x7F]),
        (128, &[0x80, 0x01]),
        (300, &[0xAC, 0x02]),
        (0x3FFF, &[0xFF, 0x7F]),
        (0x4000, &[0x80, 0x80, 0x01]),
        (0x1F_FFFF, &[0xFF, 0xFF, 0x7F]),
        (0x0FFF_FFFF, &[0xFF, 0xFF, 0xFF, 0x7F]),
        (u32::MAX, &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
    ];
    for (size, golden) in cases {
        let mut encoded = Vec::new();
        encode_size(size, &mut encoded);
        assert_eq!(encoded, golden);
        let expected = Decoded::Complete {
            value: size,
            consumed: golden.len(),
        };
        assert_eq!(decode_size(golden, u32::MAX), Ok(expected));
    }
}

#[test]
fn malformed_sizes() {
    let cases: [(&[u8], NmfError); 5] = [
        (&[0x80, 0x00], NmfError::SizeOverlong),
        (&[0xFF, 0x80, 0x00], NmfError::SizeOverlong),
        (&[0xFF, 0xFF, 0xFF, 0xFF, 0x10], NmfError::SizeOverflow),
        (&[0xFF, 0xFF, 0xFF, 0xFF, 0x8F], NmfError::SizeOverflow),
        (&[0x80, 0x80, 0x80, 0x80, 0x80], NmfError::SizeOverflow),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode_size(bytes, u32::MAX), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn a_size_over_its_limit_is_refused_before_its_last_byte() {
    // The size is at least 2,049; the bytes that would give the rest are still to come.
    let error = NmfError::TooLong {
        size: 0x881,
        limit: MAX_VIA,
    };
    assert_eq!(Record::decode(&[0x02, 0x81, 0x91]), Err(error));
}

#[test]
fn preambles_out_of_order() {
    let order = |expected, found| NmfError::RecordOrder { expected, found };
    let cases: [(&[u8], NmfError); 8] = [
        (b"\x01", order(RecordType::Version, RecordType::Mode)),
        (b"\x00\x02\x00", NmfError::Version { major: 2, minor: 0 }),
        (
            b"\x00\x01\x00\x02",
            order(RecordType::Mode, RecordType::Via),
        ),
        (b"\x00\x01\x00\x01\x05", NmfError::Mode(5)),
        (
            b"\x00\x01\x00\x01\x02\x03",
            order(RecordType::Via, RecordType::KnownEncoding),
        ),
        (
            b"\x00\x01\x00\x01\x02\x02\x01v\x09",
            order(RecordType::KnownEncoding, RecordType::UpgradeRequest),
        ),
        (
            b"\x00\x01\x00\x01\x02\x02\x01v\x03\x09",
            NmfError::KnownEncoding(9),
        ),
        (
            b"\x00\x01\x00\x01\x02\x02\x01v\x03\x08\x06",
            order(RecordType::PreambleEnd, RecordType::SizedEnvelope),
        ),
    ];
    for (bytes, error) in cases {
        assert_eq!(Preamble::decode(bytes), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn text_must_be_utf_8() {
    assert_eq!(Record::decode(b"\x02\x01\xff"), Err(NmfError::NotUtf8));
    assert_eq!(Record::decode(&[0x0D]), Err(NmfError::RecordType(0x0D)));
}

fn preamble(mode: Mode, via: &str, encoding: KnownEncoding) -> Preamble {
    Preamble {
        mode,
        via: Text::new(via).unwrap(),
        encoding: Encoding::Known(encoding),
        upgrade: Some(Upgrade::SslTls),
    }
}

fn check_record(golden: &[u8], record: &Record) {
    let mut encoded = Vec::new();
    record.encode(&mut encoded);
    assert_eq!(encoded, golden);
    let expected = Decoded::Complete {
        value: record.clone(),
        consumed: golden.len(),
    };
    assert_eq!(Record::decode(golden), Ok(expected));
}

fn decode_size(bytes: &[u8], limit: u32) -> Result<Decoded<u32>, NmfError> {
    decode_front(bytes, |cursor| size::read_size(cursor, limit))
}

fn from_hex(spaced: &str) -> Vec<u8> {
    let digits: String = spaced.split_whitespace().collect();
    hex::decode(digits).unwrap()
}
