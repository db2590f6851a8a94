//! Tests that each nonce can be used once, that nonces expire, and that the table has a fixed size.

use super::*;

fn key() -> KeyId {
    "k1".parse().unwrap()
}

fn resumption(session: u8) -> Resumption {
    Resumption {
        key: key(),
        session: SessionId([session; 16]),
        chain: Chain::new(),
        stages: StageBook::default(),
    }
}

fn nonce(n: u8) -> Nonce {
    [n; 32]
}

/// Issues nonce `n` to session `n`, whose greeting had the nonce `client`.
fn issue(nonces: &Nonces, n: u8, client: u8) {
    let (now, hold) = (Duration::ZERO, Duration::ZERO);
    nonces.issue(now, hold, nonce(client), nonce(n), resumption(n));
}

fn take(nonces: &Nonces, n: u8) -> bool {
    let session = SessionId([n; 16]);
    nonces
        .take(Duration::from_secs(1), &nonce(n), &key(), session)
        .is_some()
}

#[test]
fn a_nonce_is_good_once_and_for_its_owner_only() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    issue(&nonces, 1, 101);
    let now = Duration::from_secs(1);
    let other: KeyId = "k2".parse().unwrap();
    let session = SessionId([1; 16]);
    assert!(nonces.take(now, &nonce(1), &other, session).is_none());
    assert!(
        nonces
            .take(now, &nonce(1), &key(), SessionId([2; 16]))
            .is_none()
    );
    assert!(take(&nonces, 1));
    assert!(!take(&nonces, 1));
    assert!(!take(&nonces, 2));
}

#[test]
fn a_nonce_expires() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    issue(&nonces, 1, 101);
    let session = SessionId([1; 16]);
    let at = |seconds| nonces.take(Duration::from_secs(seconds), &nonce(1), &key(), session);
    assert!(at(60).is_none());
    assert!(at(59).is_some());
}

#[test]
fn a_nonce_outlives_the_hold_that_was_announced() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    let (now, hold) = (Duration::ZERO, Duration::from_secs(300));
    nonces.issue(now, hold, nonce(101), nonce(1), resumption(1));
    let session = SessionId([1; 16]);
    let at = |seconds| nonces.take(Duration::from_secs(seconds), &nonce(1), &key(), session);
    assert!(at(360).is_none());
    assert!(at(359).is_some());
}

#[test]
fn the_oldest_makes_room_and_the_table_never_grows() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    for n in 1..=200 {
        issue(&nonces, n, n);
        assert!(nonces.len() <= 4);
    }
    assert!(!take(&nonces, 196));
    for n in 197..=200 {
        assert!(take(&nonces, n), "{n}");
    }
    assert!(nonces.is_empty());
}

#[test]
fn what_has_expired_takes_no_room() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    let (early, late) = (Duration::ZERO, Duration::from_secs(60));
    for n in 1..=3 {
        issue(&nonces, n, n);
    }
    nonces.issue(late, Duration::ZERO, nonce(9), nonce(9), resumption(9));
    assert_eq!(nonces.len(), 1);
    nonces.issue(
        early,
        Duration::from_secs(300),
        nonce(10),
        nonce(10),
        resumption(10),
    );
    assert_eq!(nonces.len(), 2);
}

#[test]
fn a_replayed_greeting_pushes_nobody_out() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    issue(&nonces, 1, 101);
    for n in 10..100 {
        issue(&nonces, n, 200);
    }
    assert_eq!(nonces.len(), 3);
    assert!(take(&nonces, 1));
    assert!(!take(&nonces, 98));
    assert!(take(&nonces, 99));
}

#[test]
fn a_replayed_greeting_leaves_the_first_nonce_good() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    for n in 10..100 {
        issue(&nonces, n, 200);
    }
    assert!(!take(&nonces, 50));
    assert!(take(&nonces, 10));
    // A nonce that is issued after the first was used does not displace the latest either.
    issue(&nonces, 100, 200);
    issue(&nonces, 101, 200);
    assert!(take(&nonces, 99));
}

#[test]
fn another_key_with_the_same_client_nonce_has_a_place_of_its_own() {
    let nonces = Nonces::new(4, Duration::from_secs(60));
    issue(&nonces, 1, 101);
    let foreign = Resumption {
        key: "k2".parse().unwrap(),
        ..resumption(2)
    };
    let (now, hold) = (Duration::ZERO, Duration::ZERO);
    nonces.issue(now, hold, nonce(101), nonce(2), foreign);
    assert_eq!(nonces.len(), 2);
    assert!(take(&nonces, 1));
}

#[test]
fn a_chain_is_the_digest_of_all_rounds_in_order() {
    let (first, second) = ([1; 32], [2; 32]);
    let digest = Sha256::digest([first, second].concat());
    let chain = Chain::new().with(&first).with(&second);
    assert!(chain.agrees_with(&digest));
    let swapped = Chain::new().with(&second).with(&first);
    assert!(!swapped.agrees_with(&digest));
    assert!(Chain::Elsewhere.with(&first).agrees_with(&digest));
}
