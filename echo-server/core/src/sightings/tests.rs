//! Tests which client is told about which connection, with one test for each rule.

mod half_open;

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::session::ConnectionId;

const OURS: &str = "198.51.100.7";
const THEIRS: &str = "203.0.113.9";
const STREAM: &[u8] = &[0x5A; 100];

fn facts(peer: &str) -> ConnectionFacts {
    ConnectionFacts {
        connection_id: ConnectionId([0; 8]),
        local: "10.0.0.4:20080".parse().unwrap(),
        public_port: Some(80),
        peer: SocketAddr::new(peer.parse().unwrap(), 40000),
        agreed_options: None,
        syn: None,
    }
}

fn prefix(bytes: usize) -> PrefixDigest {
    PrefixDigest {
        bytes: bytes as u32,
        sha256: Sha256::digest(&STREAM[..bytes]).into(),
    }
}

fn viewer(key: &str) -> Viewer {
    Viewer {
        key: key.parse().unwrap(),
        address: Some(OURS.parse().unwrap()),
    }
}

/// Returns a connection to port 80, between 1,000 and 2,000 ms, with digests of its first 16 and 64 bytes.
fn sent(tag: u32) -> Sent {
    Sent {
        tag,
        port: 80,
        prefixes: vec![prefix(16), prefix(64)],
        window: UnixMillis(1000)..=UnixMillis(2000),
        session: None,
        source_port: None,
        same_ip_version: false,
    }
}

fn sightings() -> Sightings {
    Sightings::new(8, UnixMillis(0))
}

/// Adds a connection from `peer`, accepted at `wall`.
fn see(sightings: &Sightings, peer: &str, wall: u64, notice: Notice) -> SightingId {
    let id = sightings.accepted(&facts(peer), UnixMillis(wall));
    sightings.update(id, notice);
    id
}

fn nothing() -> Notice {
    Notice::of_nothing(Fate::Open)
}

/// Returns a notice with our first 64 bytes; `unique_from` of them are needed to recognise them.
fn ours(unique_from: u32) -> Notice {
    Notice {
        received: 70,
        prefixes: Prefixes::from_iter([prefix(16), prefix(64), prefix(70)]),
        unique_from: Some(unique_from),
        ..nothing()
    }
}

fn greeted(key: &str, end: End) -> Notice {
    Notice {
        fate: Fate::Ended(end),
        attribution: Attribution::Key(key.parse().unwrap()),
        ..nothing()
    }
}

/// Returns match and sighting of each released entry, and its `unattributed` bit.
fn outcome(released: &[Released]) -> Vec<(Option<(Match, SightingId)>, bool)> {
    released
        .iter()
        .map(|r| {
            let found = r
                .sighting
                .as_ref()
                .map(|(why, sighting)| (*why, sighting.id));
            (found, r.unattributed)
        })
        .collect()
}

fn ask(sightings: &Sightings, viewer: &Viewer) -> Vec<(Option<(Match, SightingId)>, bool)> {
    outcome(&sightings.release(viewer, &[sent(1)]))
}

#[test]
fn by_address_a_connection_that_greeted_is_released_to_its_own_session_alone() {
    let of = |session: Option<u8>| Sent {
        session: session.map(|id| SessionId([id; 16])),
        ..sent(1)
    };
    for (carried, asked, told) in [
        (None, None, true),
        (None, Some(1), true),
        (Some(1), Some(1), true),
        (Some(1), Some(2), false),
        (Some(1), None, false),
    ] {
        let sightings = sightings();
        let notice = Notice {
            session: carried.map(|id| SessionId([id; 16])),
            ..greeted("k1", End::Completed)
        };
        let id = see(&sightings, OURS, 1500, notice);
        let released = outcome(&sightings.release(&viewer("k1"), &[of(asked)]));
        let found = told.then_some((Match::Address, id));
        // The owner of the connection is known, so nothing is in doubt.
        assert_eq!(released, [(found, false)], "{carried:?} {asked:?}");
    }
}

#[test]
fn a_connection_over_the_other_version_of_ip_leaves_none_in_doubt_that_cannot_have_come_over_it() {
    for (peer, same_ip_version, in_doubt) in [
        (THEIRS, true, true),
        (THEIRS, false, true),
        ("2001:db8::9", true, false),
        ("2001:db8::9", false, true),
        ("::ffff:203.0.113.9", true, true),
    ] {
        let sightings = sightings();
        see(&sightings, peer, 1500, nothing());
        let asked = Sent {
            same_ip_version,
            ..sent(1)
        };
        let released = outcome(&sightings.release(&viewer("k1"), &[asked]));
        assert_eq!(released, [(None, in_doubt)], "{peer} {same_ip_version}");
    }
}

#[test]
fn what_cannot_be_placed_by_address_leaves_all_in_doubt_whatever_the_version_of_ip() {
    let sightings = sightings();
    see(&sightings, "2001:db8::9", 1500, nothing());
    let behind_source_nat = Viewer {
        address: None,
        ..viewer("k1")
    };
    let asked = Sent {
        same_ip_version: true,
        ..sent(1)
    };
    let released = outcome(&sightings.release(&behind_source_nat, &[asked]));
    assert_eq!(released, [(None, true)]);
}

#[test]
fn a_digest_releases_whatever_the_address_and_the_time() {
    let sightings = sightings();
    let id = see(&sightings, THEIRS, 9000, ours(19));
    let released = ask(&sightings, &viewer("k1"));
    assert_eq!(released, [(Some((Match::Digest, id)), false)]);
}

#[test]
fn a_digest_counts_only_past_what_all_connections_of_a_kind_begin_with() {
    for (unique_from, counts) in [(64, true), (65, false)] {
        let sightings = sightings();
        see(&sightings, THEIRS, 1500, ours(unique_from));
        let released = sightings.release(&viewer("k1"), &[sent(1)]);
        assert_eq!(released[0].sighting.is_some(), counts, "{unique_from}");
    }
    let sightings = sightings();
    let unknown = Notice {
        unique_from: None,
        ..ours(0)
    };
    see(&sightings, THEIRS, 1500, unknown);
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
}

#[test]
fn a_digest_of_other_bytes_or_of_another_length_releases_nothing() {
    let sightings = sightings();
    see(&sightings, THEIRS, 1500, ours(10));
    let mut wrong = sent(1);
    wrong.prefixes = vec![
        prefix(20),
        PrefixDigest {
            bytes: 64,
            sha256: [0; 32],
        },
    ];
    let released = sightings.release(&viewer("k1"), &[wrong]);
    assert_eq!(outcome(&released), [(None, true)]);
}

#[test]
fn without_first_bytes_address_port_and_time_release() {
    let sightings = sightings();
    let id = see(&sightings, OURS, 1500, nothing());
    let by_address = [(Some((Match::Address, id)), false)];
    assert_eq!(ask(&sightings, &viewer("k1")), by_address);
    // The port on the host itself matches as well as the one that is dialled.
    let mut local = sent(1);
    local.port = 20080;
    assert_eq!(
        outcome(&sightings.release(&viewer("k1"), &[local])),
        by_address
    );
    let mut mapped = viewer("k1");
    mapped.address = Some("::ffff:198.51.100.7".parse().unwrap());
    assert_eq!(ask(&sightings, &mapped), by_address);
}

#[test]
fn another_port_or_time_releases_nothing_and_leaves_no_doubt() {
    let sightings = sightings();
    for wall in [999, 2001] {
        see(&sightings, OURS, wall, nothing());
    }
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, false)]);
    see(&sightings, OURS, 1500, nothing());
    let mut other = sent(1);
    other.port = 443;
    let released = sightings.release(&viewer("k1"), &[other]);
    assert_eq!(outcome(&released), [(None, false)]);
}

#[test]
fn another_address_releases_nothing_and_absence_proves_nothing() {
    let sightings = sightings();
    see(&sightings, THEIRS, 1500, nothing());
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
}

#[test]
fn what_another_key_has_authenticated_is_neither_released_by_address_nor_in_doubt() {
    let several = Notice {
        attribution: Attribution::SeveralKeys,
        ..nothing()
    };
    for notice in [
        greeted("k2", End::Completed),
        greeted("k2", End::PeerReset),
        several,
    ] {
        let sightings = sightings();
        see(&sightings, OURS, 1500, notice);
        assert_eq!(ask(&sightings, &viewer("k1")), [(None, false)]);
    }
}

#[test]
fn a_session_of_ones_own_from_elsewhere_is_in_doubt_unless_it_is_concluded() {
    for (end, unattributed) in [(End::Completed, false), (End::PeerReset, true)] {
        let sightings = sightings();
        see(&sightings, THEIRS, 1500, greeted("k1", end));
        assert_eq!(ask(&sightings, &viewer("k1")), [(None, unattributed)]);
    }
}

#[test]
fn one_sighting_is_not_released_twice() {
    let sightings = sightings();
    let id = see(&sightings, OURS, 1500, ours(19));
    let mut other = sent(2);
    other.prefixes.clear();
    let released = sightings.release(&viewer("k1"), &[sent(1), other]);
    let expected = [(Some((Match::Digest, id)), false), (None, false)];
    assert_eq!(outcome(&released), expected);
}

#[test]
fn behind_source_nat_only_digests_release() {
    let nat = Viewer {
        address: None,
        ..viewer("k1")
    };
    let sightings = sightings();
    see(&sightings, OURS, 1500, nothing());
    assert_eq!(ask(&sightings, &nat), [(None, true)]);
    let id = see(&sightings, OURS, 1500, ours(19));
    assert_eq!(ask(&sightings, &nat), [(Some((Match::Digest, id)), true)]);
}

#[test]
fn the_control_connection_is_nobodys_test() {
    let sightings = sightings();
    see(&sightings, OURS, 1500, Notice::of_nothing(Fate::Control));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, false)]);
}

#[test]
fn before_the_server_was_up_absence_proves_nothing() {
    let sightings = Sightings::new(8, UnixMillis(1000));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
    let sightings = Sightings::new(8, UnixMillis(999));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, false)]);
}

#[test]
fn each_of_several_connections_to_one_port_gets_what_fits_it() {
    let sightings = Sightings::new(4, UnixMillis(0));
    let mut ids = Vec::new();
    // The ring has run over. The times are not in order, because a witness dates a SYN by its arrival.
    for wall in [900, 1100, 1900, 1300, 1200, 1800] {
        ids.push(see(&sightings, OURS, wall, nothing()));
    }
    let within = |tag, from, until| Sent {
        prefixes: Vec::new(),
        window: UnixMillis(from)..=UnixMillis(until),
        ..sent(tag)
    };
    let windows = [(1101, 1250), (1300, 1800), (1301, 1799), (1000, 2000)];
    let windows = windows.iter().zip(0..);
    let sent: Vec<Sent> = windows
        .map(|((from, until), tag)| within(tag, *from, *until))
        .collect();
    let released = sightings.release(&viewer("k1"), &sent);
    let found: Vec<_> = released
        .iter()
        .map(|r| (r.tag, r.sighting.as_ref().map(|(_, s)| s.id)))
        .collect();
    let of = |tag, index: usize| (tag, Some(ids[index]));
    let expected = [
        of(0, 4),
        of(1, 5),
        of(1, 3),
        (2, None),
        of(3, 2),
        of(3, 5),
        of(3, 3),
        of(3, 4),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_ring_that_ran_over_proves_no_absence() {
    let sightings = Sightings::new(2, UnixMillis(0));
    let first = see(&sightings, THEIRS, 1500, greeted("k2", End::Completed));
    for _ in 0..2 {
        see(&sightings, THEIRS, 5000, nothing());
    }
    assert_eq!(sightings.len(), 2);
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
    // A late report about a sighting that is gone changes nothing.
    sightings.update(first, ours(19));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
}

#[test]
fn the_newest_few_are_released() {
    let sightings = Sightings::new(64, UnixMillis(0));
    let ids: Vec<_> = (0..20)
        .map(|_| see(&sightings, OURS, 1500, nothing()))
        .collect();
    let released = ask(&sightings, &viewer("k1"));
    assert_eq!(released.len(), 8);
    assert_eq!(released[0], (Some((Match::Address, ids[19])), false));
}

#[test]
fn a_peer_of_a_dual_stack_socket_is_known_by_its_ipv4_address() {
    let sightings = sightings();
    let id = see(&sightings, "::ffff:198.51.100.7", 1500, nothing());
    let released = ask(&sightings, &viewer("k1"));
    assert_eq!(released, [(Some((Match::Address, id)), false)]);
    let own: IpAddr = OURS.parse().unwrap();
    let all = sightings.release(&viewer("k1"), &[sent(1)]);
    assert_eq!(all[0].sighting.as_ref().unwrap().1.peer.ip(), own);
}
