//! Tests what the addresses under which the server saw this host show about a NAT on the way.

use std::net::IpAddr;

use super::instances::{DIALLED, record, refused, with};
use super::{evidence, judge, told, whole};
use crate::catalogue::VerdictId;
use crate::judge::Evidence;
use crate::measurement::Measurement;
use crate::observation::{Failure, FailureKind, Origin};
use crate::session_kind::SessionKind;

#[test]
fn a_nat_is_shown_by_a_session_that_no_device_opened_anew() {
    let of = |works: &Measurement| evidence(works).translated();
    assert_eq!(of(&whole(SessionKind::Https)), None);
    assert_eq!(of(&seen_from("[::ffff:127.0.0.1]:40000")), None);
    let translated = seen_from(OUTSIDE);
    let outside: IpAddr = [203, 0, 113, 9].into();
    let expected = (translated.port_dialled(), outside);
    assert_eq!(of(&translated), Some(expected));
    assert_eq!(of(&reopened(translated.clone())), None);
    let through_a_proxy = Measurement {
        path: "socks5h://10.0.0.1:1080".parse().unwrap(),
        ..translated.clone()
    };
    assert_eq!(of(&through_a_proxy), None);
    let unknown = Measurement {
        local: None,
        ..translated
    };
    assert_eq!(of(&unknown), None);
}

#[test]
fn a_dropped_port_behind_a_nat_names_the_address_outside() {
    let next = next_step(&seen_from(OUTSIDE));
    for words in [
        "TCP from 127.0.0.1 (the server saw this host as 203.0.113.9) to 198.51.100.7:5901",
        "come from 203.0.113.9, so there is a NAT on the way",
        "whether its source ports for 198.51.100.7:5901 are used up",
    ] {
        assert!(next.contains(words), "{words}: {next}");
    }
}

#[test]
fn a_dropped_port_beside_one_that_is_relayed_is_behind_no_nat() {
    for works in [whole(SessionKind::Https), reopened(seen_from(OUTSIDE))] {
        let next = next_step(&works);
        assert!(
            next.contains("TCP from 127.0.0.1 to 198.51.100.7:5901"),
            "{next}"
        );
        assert!(!next.contains("NAT on the way"), "{next}");
    }
}

/// Returns the next step for a silent port of which the server saw nothing, if `works` is the session of another port.
fn next_step(works: &Measurement) -> String {
    let mut probe = refused();
    probe.observations[0].failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
    probe.sighting = Some(told(Vec::new()));
    let record = record("a", &[DIALLED], Vec::new());
    let found = judge(&Evidence {
        same_server: vec![&probe, works].into(),
        ..with(&probe, &record)
    });
    assert_eq!(found.id, VerdictId::Dropped, "{}", found.claim);
    found.next_step.unwrap()
}

/// Returns a session that ran whole and came from this address, as the server saw it.
fn seen_from(address: &str) -> Measurement {
    let mut works = whole(SessionKind::Https);
    let session = works.session.as_mut().unwrap();
    session.testimony.as_mut().unwrap().peer = Some(address.parse().unwrap());
    works
}

/// Returns the session as if a device on the way had sent the SYN that reached the server.
fn reopened(mut works: Measurement) -> Measurement {
    let session = works.session.as_mut().unwrap();
    let syn = session.testimony.as_mut().unwrap().syn.as_mut().unwrap();
    // The hop limit in an IPv4 header.
    syn.0[8] = 60;
    works
}

const OUTSIDE: &str = "203.0.113.9:40000";
