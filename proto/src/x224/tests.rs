//! Tests golden bytes from the specification, and what must be refused. Properties are in `tests/codecs`.

use super::*;

#[test]
fn request_without_cookie() {
    let value = request(None, Protocols::SSL | Protocols::HYBRID);
    check_request("03000013 0e e00000000000 01000800 03000000", &value);
}

#[test]
fn request_with_cookie() {
    let cookie = "436f6f6b69653a206d737473686173683d 70726f6265 0d0a";
    let value = request(Some("probe"), Protocols::SSL | Protocols::HYBRID);
    check_request(
        &format!("0300002b 26 e00000000000 {cookie} 01000800 03000000"),
        &value,
    );
}

#[test]
fn request_of_the_specifications_example() {
    let cookie = "436f6f6b69653a206d737473686173683d 656c746f6e73 0d0a";
    let value = request(Some("eltons"), Protocols::RDP);
    check_request(
        &format!("0300002c 27 e00000000000 {cookie} 01000800 00000000"),
        &value,
    );
}

#[test]
fn request_without_negotiation() {
    let mut value = request(None, Protocols::RDP);
    value.negotiation = None;
    check_request("0300000b 06 e00000000000", &value);
}

#[test]
fn confirm_of_tls() {
    check_confirm(
        "03000013 0e d00000123400 02000800 01000000",
        Some(Negotiation::Selected {
            flags: 0,
            protocol: Protocols::SSL,
        }),
    );
}

#[test]
fn confirm_of_failure() {
    check_confirm(
        "03000013 0e d00000123400 03000800 05000000",
        Some(Negotiation::Failed(NegotiationFailure::HybridRequired)),
    );
}

#[test]
fn confirm_of_standard_rdp_security() {
    check_confirm("0300000b 06 d00000123400", None);
}

#[test]
fn failure_codes_are_those_of_the_specification() {
    let named = [
        (1, NegotiationFailure::SslRequired),
        (2, NegotiationFailure::SslNotAllowed),
        (3, NegotiationFailure::SslCertificateMissing),
        (4, NegotiationFailure::InconsistentFlags),
        (5, NegotiationFailure::HybridRequired),
        (6, NegotiationFailure::SslWithUserAuthRequired),
        (7, NegotiationFailure::Unknown(7)),
    ];
    for (code, failure) in named {
        assert_eq!(NegotiationFailure::from_code(code), failure);
        assert_eq!(failure.code(), code);
    }
}

#[test]
fn protocol_bits_are_those_of_the_specification() {
    let all = Protocols::SSL
        | Protocols::HYBRID
        | Protocols::RDSTLS
        | Protocols::HYBRID_EX
        | Protocols::RDSAAD;
    assert_eq!(all.bits(), 0x1F);
    assert!(all.contains(Protocols::RDSTLS | Protocols::SSL));
    assert!(!Protocols::HYBRID.contains(Protocols::SSL));
    assert!(Protocols::RDP.contains(Protocols::RDP));
}

#[test]
fn malformed_requests_name_their_fault() {
    let cases = [
        ("0400", X224Error::NotTpkt(4, 0)),
        ("0301", X224Error::NotTpkt(3, 1)),
        ("0300000a", X224Error::PacketLength(10)),
        ("03000104", X224Error::PacketLength(260)),
        ("0300ffff", X224Error::PacketLength(0xFFFF)),
        (
            "0300000b 05 e00000000000",
            X224Error::LengthMismatch {
                indicator: 5,
                packet: 11,
            },
        ),
        ("0300000b 06 d00000000000", X224Error::TpduCode(0xD0, 0xE0)),
        ("0300000b 06 e00000000020", X224Error::Class(0x20)),
        ("0300000c 07 e00000000000 01", X224Error::NegotiationSize),
        (
            "03000013 0e e00000000000 02000800 01000000",
            X224Error::NegotiationType(2),
        ),
        (
            "03000013 0e e00000000000 01000900 01000000",
            X224Error::NegotiationLength(9),
        ),
        // This is "Cookie: msts=", a routing token.
        (
            "03000018 13 e00000000000 436f6f6b69653a206d7374733d",
            X224Error::Cookie,
        ),
        // The first cookie has no end, the second no name.
        (
            "0300001d 18 e00000000000 436f6f6b69653a206d737473686173683d 61",
            X224Error::Cookie,
        ),
        (
            "0300001e 19 e00000000000 436f6f6b69653a206d737473686173683d 0d0a",
            X224Error::CookieLength(0),
        ),
    ];
    for (bytes, error) in cases {
        assert_eq!(
            ConnectionRequest::decode(&from_hex(bytes)),
            Err(error),
            "{bytes}"
        );
    }
}

#[test]
fn cookies_cannot_smuggle_line_ends() {
    assert_eq!(Cookie::new("a\r\nb"), Err(X224Error::Cookie));
    assert_eq!(Cookie::new("é"), Err(X224Error::Cookie));
    assert_eq!(Cookie::new(""), Err(X224Error::CookieLength(0)));
    assert_eq!(
        Cookie::new(&"a".repeat(65)),
        Err(X224Error::CookieLength(65))
    );
    assert!(Cookie::new(&"a".repeat(MAX_COOKIE_NAME)).is_ok());
}

fn request(cookie: Option<&str>, protocols: Protocols) -> ConnectionRequest {
    ConnectionRequest {
        source_reference: 0,
        cookie: cookie.map(|name| Cookie::new(name).unwrap()),
        negotiation: Some(NegotiationRequest {
            flags: 0,
            protocols,
        }),
    }
}

fn check_request(golden: &str, value: &ConnectionRequest) {
    let golden = from_hex(golden);
    let mut encoded = Vec::new();
    value.encode(&mut encoded);
    assert_eq!(hex::encode(encoded), hex::encode(&golden));
    let expected = Decoded::Complete {
        value: value.clone(),
        consumed: golden.len(),
    };
    assert_eq!(ConnectionRequest::decode(&golden), Ok(expected));
}

fn check_confirm(golden: &str, negotiation: Option<Negotiation>) {
    let golden = from_hex(golden);
    let value = ConnectionConfirm {
        source_reference: 0x1234,
        negotiation,
    };
    let mut encoded = Vec::new();
    value.encode(&mut encoded);
    assert_eq!(hex::encode(encoded), hex::encode(&golden));
    let expected = Decoded::Complete {
        value,
        consumed: golden.len(),
    };
    assert_eq!(ConnectionConfirm::decode(&golden), Ok(expected));
}

fn from_hex(spaced: &str) -> Vec<u8> {
    hex::decode(spaced.replace(' ', "")).unwrap()
}
