//! Tests whose SYNs are kept, for how long, and when the table says that it saw all.

use super::*;

#[test]
fn a_watched_clients_syn_is_kept_once_and_handed_over_once() {
    let mut witness = watching(8);
    take(&mut witness, &syn(CLIENT, 40_000, 50));
    take(&mut witness, &syn(CLIENT, 40_000, 50));
    let handed = witness.hand_over(CLIENT.into());
    let [found] = handed.as_slice() else {
        panic!("{handed:?}")
    };
    assert_eq!(found.peer, SocketAddr::from((CLIENT, 40_000)));
    assert_eq!(found.local, SocketAddr::from((SERVER, PORT)));
    assert_eq!((found.seen, found.answered), (WALL, false));
    let header = SynHeader::parse(found.header.as_deref().unwrap()).unwrap();
    assert_eq!(header.hop_limit, 50);
    assert!(witness.hand_over(CLIENT.into()).is_empty());
}

#[test]
fn an_answer_that_left_the_host_is_told_whenever_it_was_seen() {
    let mut witness = watching(8);
    take(&mut witness, &syn(CLIENT, 40_000, 50));
    take(&mut witness, &answer(CLIENT, 40_000));
    assert!(witness.hand_over(CLIENT.into())[0].answered);
    take(&mut witness, &answer(CLIENT, 40_000));
    let late = witness.hand_over(CLIENT.into());
    assert!(late[0].answered && late[0].header.is_none());
}

#[test]
fn strangers_are_kept_only_if_they_may_be_clients() {
    let mut witness = watching(8);
    for hop_limit in [50, 64, 101, 118, 255] {
        take(&mut witness, &syn(STRANGER, hop_limit.into(), hop_limit));
    }
    take(&mut witness, &answer(STRANGER, 1));
    assert!(witness.is_empty());
    take(&mut witness, &syn(STRANGER, 2, 90));
    assert_eq!(witness.hand_over(CLIENT.into()).len(), 1);
}

#[test]
fn another_clients_syn_is_left_to_him() {
    let mut witness = watching(8);
    witness.watch(STRANGER.into(), NOW);
    take(&mut witness, &syn(STRANGER, 1, 90));
    assert!(witness.hand_over(CLIENT.into()).is_empty());
    assert_eq!(witness.hand_over(STRANGER.into()).len(), 1);
}

#[test]
fn what_is_no_syn_to_a_listener_is_not_kept() {
    let mut witness = watching(8);
    witness.take(&syn(CLIENT, 1, 50), |_| false, NOW, WALL);
    for bytes in [&b""[..], &[0x45], &[0xff; 64], &syn(CLIENT, 1, 50)[..30]] {
        take(&mut witness, bytes);
    }
    let mut acknowledgement = syn(CLIENT, 1, 50);
    acknowledgement[FLAGS_AT] = 0x10;
    take(&mut witness, &acknowledgement);
    assert!(witness.is_empty());
}

#[test]
fn it_saw_all_since_it_began_unless_it_missed_some() {
    let mut witness = watching(1);
    let second = Duration::from_secs(1);
    assert!(witness.saw_all(CLIENT.into(), NOW));
    assert!(!witness.saw_all(CLIENT.into(), NOW - second));
    assert!(!witness.saw_all(STRANGER.into(), NOW));
    take(&mut witness, &syn(CLIENT, 1, 50));
    assert!(witness.saw_all(CLIENT.into(), NOW));
    take(&mut witness, &syn(CLIENT, 2, 50));
    assert_eq!(witness.len(), 1);
    assert!(!witness.saw_all(CLIENT.into(), NOW));
    assert!(witness.saw_all(CLIENT.into(), NOW + second));
}

#[test]
fn strangers_cannot_take_the_clients_place() {
    let mut witness = watching(2 * MAX_STRANGERS);
    for port in 0..1000 {
        take(&mut witness, &syn(STRANGER, port, 90));
    }
    assert_eq!(witness.len(), MAX_STRANGERS);
    assert!(!witness.saw_all(CLIENT.into(), NOW));
    take(&mut witness, &syn(CLIENT, 1, 50));
    assert_eq!(witness.hand_over(CLIENT.into()).len(), MAX_STRANGERS + 1);
}

#[test]
fn it_is_idle_and_empty_when_the_last_watcher_has_left() {
    let mut witness = watching(8);
    witness.watch(CLIENT.into(), NOW);
    take(&mut witness, &syn(CLIENT, 1, 50));
    witness.leave(CLIENT.into());
    assert!(!witness.is_idle() && !witness.is_empty());
    witness.leave(CLIENT.into());
    assert!(witness.is_idle() && witness.is_empty());
    assert!(!witness.saw_all(CLIENT.into(), NOW));
}

fn watching(capacity: usize) -> Witness {
    let mut witness = Witness::new(capacity);
    witness.watch(CLIENT.into(), NOW);
    witness
}

fn take(witness: &mut Witness, packet: &[u8]) {
    let listens = |local: SocketAddr| local == SocketAddr::from((SERVER, PORT));
    witness.take(packet, listens, NOW, WALL);
}

fn syn(from: [u8; 4], port: u16, hop_limit: u8) -> Vec<u8> {
    segment((from, port), (SERVER, PORT), hop_limit, 0x02)
}

fn answer(to: [u8; 4], port: u16) -> Vec<u8> {
    segment((SERVER, PORT), (to, port), 64, 0x12)
}

fn segment(from: ([u8; 4], u16), to: ([u8; 4], u16), hop_limit: u8, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    bytes[0] = 0x45;
    bytes[8] = hop_limit;
    bytes[9] = 6;
    bytes[12..16].copy_from_slice(&from.0);
    bytes[16..20].copy_from_slice(&to.0);
    bytes[20..22].copy_from_slice(&from.1.to_be_bytes());
    bytes[22..24].copy_from_slice(&to.1.to_be_bytes());
    bytes[32] = 5 << 4;
    bytes[FLAGS_AT] = flags;
    bytes
}

const FLAGS_AT: usize = 33;
const CLIENT: [u8; 4] = [198, 51, 100, 7];
const STRANGER: [u8; 4] = [203, 0, 113, 9];
const SERVER: [u8; 4] = [192, 0, 2, 1];
const PORT: u16 = 443;
const NOW: Duration = Duration::from_secs(100);
const WALL: UnixMillis = UnixMillis(1_000);
