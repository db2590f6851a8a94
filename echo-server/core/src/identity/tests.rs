//! Tests which keys are accepted, and that all others get the same answer.

use proto::control_auth::sign;
use proto::decoded::Decoded;
use proto::frame::{FrameType, seal};

use super::*;

fn key(id: &str, byte: u8, revoked: bool) -> Key {
    Key {
        id: id.parse().unwrap(),
        secret: Secret::new([byte; 32]),
        label: "test".to_owned(),
        revoked,
        admin: false,
    }
}

fn ring() -> Keyring {
    Keyring::new([key("good", 1, false), key("gone", 2, true)]).unwrap()
}

fn greeting(id: &str, secret: u8) -> Vec<u8> {
    let greeting = Greeting {
        key_id: id.to_owned(),
        ..Greeting::default()
    };
    let mut out = Vec::new();
    let keys = Secret::new([secret; 32]).for_greeting();
    let frame_type = FrameType::Greeting;
    seal(
        &mut out,
        frame_type,
        &greeting,
        &keys,
        &mut Transcript::new(),
    );
    out
}

fn open(bytes: &[u8]) -> Result<String, Unauthenticated> {
    let Ok(Decoded::Complete { value, .. }) = Frame::decode(bytes) else {
        panic!("not a frame");
    };
    let ring = ring();
    let (_, key) = ring.open_greeting(&value, &mut Transcript::new())?;
    Ok(key.id.to_string())
}

#[test]
fn only_a_valid_key_opens_a_greeting() {
    assert_eq!(open(&greeting("good", 1)), Ok("good".to_owned()));
    // The wrong secret, a revoked key, an unknown id, no id, and the decoy itself.
    for (id, secret) in [("good", 2), ("gone", 2), ("new", 1), ("", 1), ("new", 0)] {
        assert_eq!(open(&greeting(id, secret)), Err(Unauthenticated), "{id}");
    }
}

#[test]
fn only_a_valid_key_signs_a_call_and_only_over_a_bound_connection() {
    let ring = ring();
    let call = |id: &str, secret: u8, exporter: Option<&Exporter>| {
        let secret = Secret::new([secret; 32]);
        let signed_for = exporter.unwrap_or(&NO_EXPORTER);
        let id: KeyId = id.parse().unwrap();
        let signed = sign(&secret, &id, "Describe", signed_for, Vec::new());
        ring.verify_call("Describe", exporter, &signed)
            .map(|key| key.id.to_string())
    };
    let exporter = Some(&[5; 32]);
    assert_eq!(call("good", 1, exporter), Ok("good".to_owned()));
    for (id, secret) in [("good", 2), ("gone", 2), ("new", 1), ("new", 0)] {
        assert_eq!(call(id, secret, exporter), Err(Unauthenticated), "{id}");
    }
    assert_eq!(call("good", 1, None), Err(Unauthenticated));
}

#[test]
fn an_id_is_given_out_once() {
    let twice = Keyring::new([key("a", 1, true), key("a", 2, false)]);
    assert_eq!(twice.unwrap_err().0.as_str(), "a");
}
