//! Tests that sealed frames open once and in their order, and that nothing else opens.

use proptest::prelude::*;

use super::*;
use crate::key::Secret;
use crate::wire::{Confirmation, Exchange, Greeting, KeepAlive, Receipt, Received, Testimony};

fn keys() -> KeySchedule {
    Secret::new([9; 32]).for_session(&[1; 32], &[2; 32])
}

fn exchange(stage: u32) -> Exchange {
    Exchange {
        stage,
        up_bytes: 10,
        down_bytes: 20,
    }
}

fn confirmation(stage: u32) -> Confirmation {
    Confirmation {
        received: Some(Received {
            stage,
            bytes: 10,
            sha256: vec![stage as u8; 32],
            altered_at: None,
        }),
    }
}

fn whole(input: &[u8]) -> Frame<'_> {
    let decoded = Frame::decode(input).unwrap();
    let Decoded::Complete { value, consumed } = decoded else {
        panic!("not a whole frame: {decoded:?}");
    };
    assert_eq!(consumed, input.len(), "more than one frame");
    value
}

fn sealed(t: FrameType, m: &impl Message, transcript: &mut Transcript) -> Vec<u8> {
    let mut out = Vec::new();
    seal(&mut out, t, m, &keys(), transcript);
    out
}

#[test]
fn a_greeting_of_two_gigabytes_is_refused_before_any_of_it_is_read() {
    let header = [1, 0x80, 0, 0, 0];
    assert_eq!(
        Frame::decode(&header),
        Err(FrameError::TooLong {
            frame_type: FrameType::Greeting,
            length: 0x8000_0000
        })
    );
}

#[test]
fn the_header_is_type_and_big_endian_length() {
    let mut transcript = Transcript::new();
    let bytes = sealed(
        FrameType::KeepAliveUp,
        &KeepAlive { sequence: 5 },
        &mut transcript,
    );
    assert_eq!(bytes[..HEADER + 2], [8, 0, 0, 0, 2, 0x08, 5]);
    assert_eq!(bytes.len(), OVERHEAD + 2);
}

#[test]
fn pipelined_stages_verify_whatever_order_the_ends_act_in() {
    let (mut client, mut server) = (Transcript::new(), Transcript::new());
    let keys = keys();
    let greeting = sealed(FrameType::Greeting, &Greeting::default(), &mut client);
    whole(&greeting)
        .open::<Greeting>(&keys, &mut server)
        .unwrap();
    let testimony = sealed(FrameType::Testimony, &Testimony::default(), &mut server);
    whole(&testimony)
        .open::<Testimony>(&keys, &mut client)
        .unwrap();

    // The client sends both stages before it reads the first confirmation.
    let stages: Vec<_> = (0..2)
        .map(|i| sealed(FrameType::Exchange, &exchange(i), &mut client))
        .collect();
    let mut answers = Vec::new();
    for (i, stage) in (0..2).zip(&stages) {
        whole(stage).open::<Exchange>(&keys, &mut server).unwrap();
        answers.push(sealed(
            FrameType::Confirmation,
            &confirmation(i),
            &mut server,
        ));
    }
    for answer in &answers {
        whole(answer)
            .open::<Confirmation>(&keys, &mut client)
            .unwrap();
    }
    let receipt = sealed(FrameType::Receipt, &Receipt::default(), &mut client);
    whole(&receipt).open::<Receipt>(&keys, &mut server).unwrap();
    assert_eq!(client.digest(), server.digest());
}

#[test]
fn a_repeated_or_reordered_frame_is_refused() {
    let (mut client, mut server) = (Transcript::new(), Transcript::new());
    let first = sealed(FrameType::Exchange, &exchange(0), &mut client);
    let second = sealed(FrameType::Exchange, &exchange(1), &mut client);
    let keys = keys();
    let mac = Err(OpenError::Mac(FrameType::Exchange));
    assert_eq!(whole(&second).open::<Exchange>(&keys, &mut server), mac);
    assert!(whole(&first).open::<Exchange>(&keys, &mut server).is_ok());
    assert_eq!(whole(&first).open::<Exchange>(&keys, &mut server), mac);
    assert!(whole(&second).open::<Exchange>(&keys, &mut server).is_ok());
}

#[test]
fn a_frame_under_another_type_is_refused() {
    let mut client = Transcript::new();
    let mut bytes = sealed(
        FrameType::KeepAliveUp,
        &KeepAlive { sequence: 1 },
        &mut client,
    );
    bytes[0] = FrameType::KeepAliveDown as u8;
    assert_eq!(
        whole(&bytes).open::<KeepAlive>(&keys(), &mut Transcript::new()),
        Err(OpenError::Mac(FrameType::KeepAliveDown))
    );
}

proptest! {
    #[test]
    fn one_flipped_bit_anywhere_is_refused(at in 0usize..60, bit in 0u8..8) {
        let mut bytes = sealed(FrameType::Exchange, &exchange(3), &mut Transcript::new());
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let opened = match Frame::decode(&bytes) {
            Ok(Decoded::Complete { value, .. }) => {
                value.open::<Exchange>(&keys(), &mut Transcript::new()).is_ok()
            }
            Ok(Decoded::Incomplete { .. }) | Err(_) => false,
        };
        prop_assert!(!opened);
    }

    #[test]
    fn every_prefix_is_incomplete(cut in 0usize..1000) {
        let bytes = sealed(FrameType::Greeting, &Greeting { padding: vec![0; 900], ..Greeting::default() }, &mut Transcript::new());
        let cut = cut % bytes.len();
        let incomplete = matches!(
            Frame::decode(&bytes[..cut]),
            Ok(Decoded::Incomplete { at_least }) if cut + at_least <= bytes.len() && at_least > 0
        );
        prop_assert!(incomplete);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(Decoded::Complete { value, .. }) = Frame::decode(&bytes) {
            let _ = value.peek::<Greeting>();
            let _ = value.open::<Testimony>(&keys(), &mut Transcript::new());
        }
    }
}
