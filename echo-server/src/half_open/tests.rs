//! Tests which half-open connections are noted, for whom, and when a look reports that it did not see all.

use echo_core::sightings::{Fate, Sent, Viewer};

use super::*;

const PORT: u16 = 443;

fn half_open(peer: &str) -> HalfOpen {
    HalfOpen {
        local: SocketAddr::from(([192, 0, 2, 1], PORT)),
        peer: peer.parse().unwrap(),
    }
}

fn view(peers: &[&str]) -> HalfOpenView {
    HalfOpenView {
        connections: peers.iter().map(|peer| half_open(peer)).collect(),
        complete: true,
    }
}

const OWN: &str = "198.51.100.7:1000";
const OTHER: &str = "203.0.113.9:1000";

/// Compares `seen` with the kernel's list `view`. Returns whether it saw all.
fn look(
    seen: &mut HalfOpenBook,
    now: Duration,
    sightings: &Sightings,
    view: &HalfOpenView,
) -> bool {
    let note = |half_open: &HalfOpen| {
        let listener = ListenerFacts {
            address: half_open.local,
            public_port: None,
            bound: true,
        };
        note(sightings, &listener, half_open, UnixMillis(1))
    };
    let saw_all = seen.take_in(now, Some(view), sightings, note);
    seen.accepted = None;
    saw_all
}

fn remembered(seen: &HalfOpenBook) -> Vec<SocketAddr> {
    seen.sightings.keys().map(|(peer, _)| *peer).collect()
}

#[test]
fn what_is_half_open_is_noted_once_and_remembered_for_a_while() {
    let (mut seen, sightings) = (HalfOpenBook::default(), Sightings::new(8, UnixMillis(0)));
    let [own, other]: [SocketAddr; 2] = [OWN, OTHER].map(|peer| peer.parse().unwrap());
    let start = Duration::from_secs(5);
    let last = start + looks::BETWEEN_LOOKS;
    for now in [start, last] {
        // A stranger's connection may be the caller's, made from another of its addresses.
        assert!(look(&mut seen, now, &sightings, &view(&[OWN, OTHER])));
        assert_eq!(remembered(&seen), [own, other]);
    }
    assert_eq!(sightings.len(), 2);
    let mut look = |now| {
        look(&mut seen, now, &sightings, &view(&[OTHER]));
        remembered(&seen)
    };
    assert_eq!(look(last + FORGOTTEN_AFTER / 2), [own, other]);
    assert_eq!(look(last + FORGOTTEN_AFTER), [other]);
}

#[test]
fn strangers_leave_room_for_callers_and_what_finds_none_was_not_seen() {
    let (mut seen, sightings) = (HalfOpenBook::default(), Sightings::new(8, UnixMillis(0)));
    let own: SocketAddr = OWN.parse().unwrap();
    let flood: Vec<String> = (0..=MAX_STRANGERS)
        .map(|port| format!("203.0.113.9:{}", 1000 + port))
        .collect();
    let mut all: Vec<&str> = flood.iter().map(String::as_str).collect();
    let flood = view(&all[..MAX_STRANGERS]);
    assert!(look(&mut seen, Duration::ZERO, &sightings, &flood));
    assert!(!look(&mut seen, Duration::ZERO, &sightings, &view(&all)));
    all.truncate(MAX_STRANGERS);
    all.push(OWN);
    seen.looks_on(Duration::ZERO, own.ip());
    assert!(look(&mut seen, Duration::ZERO, &sightings, &view(&all)));
    assert!(remembered(&seen).contains(&own));
}

#[test]
fn a_list_that_is_missing_or_cut_short_did_not_show_all() {
    let (mut seen, sightings) = (HalfOpenBook::default(), Sightings::new(8, UnixMillis(0)));
    let mut cut = view(&[OWN]);
    cut.complete = false;
    assert!(!look(&mut seen, Duration::ZERO, &sightings, &cut));
    assert_eq!(sightings.len(), 1);
    let note = |_: &HalfOpen| unreachable!("there is nothing to note");
    assert!(!seen.take_in(Duration::ZERO, None, &sightings, note));
}

#[test]
fn what_is_accepted_while_the_kernel_is_asked_is_not_half_open() {
    let (mut seen, sightings) = (HalfOpenBook::default(), Sightings::new(8, UnixMillis(0)));
    let ends = (OWN.parse().unwrap(), half_open(OWN).local);
    seen.accepted = Some(BTreeSet::new());
    assert_eq!(seen.completed(ends), None);
    assert!(look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN])));
    assert!(sightings.is_empty());
    // The next connection between the same two ends is a new one.
    assert!(look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN])));
    assert!(seen.completed(ends).is_some());
    assert_eq!(seen.accepted, None);
}

#[test]
fn a_witnessed_syn_is_noted_unless_there_is_a_connection_of_it() {
    let (mut seen, sightings) = (HalfOpenBook::default(), Sightings::new(8, UnixMillis(0)));
    let (own, other) = (OWN, "198.51.100.7:2000");
    let mut take = |peers: &[&str], answered, known: &[&str]| {
        let syn = |peer: &&str| WitnessedSyn {
            peer: peer.parse().unwrap(),
            local: half_open(peer).local,
            seen: UnixMillis(1),
            answered,
            header: None,
        };
        let ends = |peer: &&str| (peer.parse().unwrap(), half_open(peer).local);
        let known = known.iter().map(ends).collect();
        let syns = peers.iter().map(syn).collect();
        assert!(seen.take_witnessed(Duration::ZERO, syns, &known, &sightings, |_| Some(80)));
        sightings.len()
    };
    assert_eq!(take(&[own], false, &[own]), 0);
    assert_eq!(take(&[own, other], false, &[other]), 1);
    // A repeated SYN, and then its answer, add no sighting, even if its ends are not in `known`.
    assert_eq!(take(&[own], false, &[]), 1);
    assert_eq!(take(&[own], true, &[own]), 1);
    assert_eq!(take(&[other], true, &[]), 2);
}

#[test]
fn what_the_kernel_holds_and_the_witness_saw_no_answer_to_is_held_back() {
    for kernel_first in [true, false] {
        let (mut seen, sightings) = (HalfOpenBook::default(), Sightings::new(8, UnixMillis(0)));
        let fate = || {
            let viewer = Viewer {
                key: "k1".parse().unwrap(),
                address: OWN.parse().ok().map(|own: SocketAddr| own.ip()),
            };
            let sent = Sent {
                tag: 1,
                port: PORT,
                prefixes: Vec::new(),
                window: UnixMillis(1)..=UnixMillis(1),
                session: None,
                source_port: None,
                same_ip_version: false,
            };
            let released = sightings.release(&viewer, &[sent]);
            released[0]
                .sighting
                .as_ref()
                .map(|(_, seen)| seen.notice.fate)
        };
        let witness = |seen: &mut HalfOpenBook, answered| {
            let syn = WitnessedSyn {
                peer: OWN.parse().unwrap(),
                local: half_open(OWN).local,
                seen: UnixMillis(1),
                answered,
                header: None,
            };
            let syns = vec![syn];
            seen.take_witnessed(Duration::ZERO, syns, &BTreeSet::new(), &sightings, |_| None)
        };
        if kernel_first {
            look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN]));
            assert_eq!(fate(), Some(Fate::HalfOpen));
            witness(&mut seen, false);
        } else {
            witness(&mut seen, false);
            assert_eq!(fate(), Some(Fate::Unanswered));
            look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN]));
        }
        assert_eq!(fate(), Some(Fate::HeldBack));
        for answered in [true, false] {
            witness(&mut seen, answered);
            look(&mut seen, Duration::ZERO, &sightings, &view(&[OWN]));
            assert_eq!(fate(), Some(Fate::HalfOpen));
        }
        assert_eq!(sightings.len(), 1);
    }
}
