//! X.224 connection request and confirm.

use proptest::prelude::*;
use proto::x224::{
    ConnectionConfirm, ConnectionRequest, Cookie, Negotiation, NegotiationFailure,
    NegotiationRequest, Protocols,
};

use crate::{bytes_after, check_answer, check_decoder, rest};

fn requests() -> impl Strategy<Value = ConnectionRequest> {
    let cookie = "[ -~]{1,64}".prop_map(|name| Cookie::new(&name).expect("printable and short"));
    let negotiation = (any::<u8>(), any::<u32>()).prop_map(|(flags, bits)| NegotiationRequest {
        flags,
        protocols: Protocols::from_bits(bits),
    });
    let optional = (prop::option::of(cookie), prop::option::of(negotiation));
    (any::<u16>(), optional).prop_map(|(source_reference, (cookie, negotiation))| {
        ConnectionRequest {
            source_reference,
            cookie,
            negotiation,
        }
    })
}

fn confirms() -> impl Strategy<Value = ConnectionConfirm> {
    let negotiation = prop_oneof![
        (any::<u8>(), any::<u32>()).prop_map(|(flags, bits)| Negotiation::Selected {
            flags,
            protocol: Protocols::from_bits(bits),
        }),
        prop_oneof![0..9_u32, any::<u32>()]
            .prop_map(|code| Negotiation::Failed(NegotiationFailure::from_code(code))),
    ];
    (any::<u16>(), prop::option::of(negotiation)).prop_map(|(source_reference, negotiation)| {
        ConnectionConfirm {
            source_reference,
            negotiation,
        }
    })
}

const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"\x03\x00\x00\x13\x0e\xe0",
    b"\x03\x00\x00\x13\x0e\xd0\0\0\0\0\0",
    b"\x03\x00\x00\x30\x2b\xe0\0\0\0\0\0Cookie: mstshash=",
];

proptest! {
    #[test]
    fn requests_come_back(value in requests(), rest in rest()) {
        let mut stream = Vec::new();
        value.encode(&mut stream);
        let length = stream.len();
        prop_assert!((11..=102).contains(&length));
        stream.extend(rest);
        check_decoder(&stream, length, &value, ConnectionRequest::decode)?;
    }

    #[test]
    fn confirms_come_back(value in confirms(), rest in rest()) {
        let mut stream = Vec::new();
        value.encode(&mut stream);
        let length = stream.len();
        stream.extend(rest);
        check_decoder(&stream, length, &value, ConnectionConfirm::decode)?;
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in bytes_after(BEGINNINGS)) {
        check_answer(&bytes, ConnectionConfirm::decode(&bytes))?;
        if let Some(request) = check_answer(&bytes, ConnectionRequest::decode(&bytes))? {
            let mut again = Vec::new();
            request.encode(&mut again);
            prop_assert_eq!(&again[..7], &bytes[..7]);
        }
    }
}
