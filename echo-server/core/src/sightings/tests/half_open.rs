//! Tests sightings of SYNs and of connections that were never accepted.

use super::*;

#[test]
fn a_half_open_connection_is_released_by_address() {
    let sightings = sightings();
    let id = sightings.half_open(&facts(OURS), UnixMillis(1500));
    let released = sightings.release(&viewer("k1"), &[sent(1)]);
    assert_eq!(outcome(&released), [(Some((Match::Address, id)), false)]);
    let (_, sighting) = released[0].sighting.as_ref().unwrap();
    assert_eq!(sighting.notice.fate, Fate::HalfOpen);
}

#[test]
fn a_half_open_connection_that_is_accepted_after_all_is_one_sighting_with_its_syn() {
    let sightings = sightings();
    let mut accepted = facts(OURS);
    accepted.syn = None;
    let id = sightings.half_open(&accepted, UnixMillis(1500));
    accepted.syn = Some([9; 40].into());
    assert!(sightings.completed(id, &accepted));
    assert_eq!(sightings.len(), 1);
    let released = sightings.release(&viewer("k1"), &[sent(1)]);
    let (_, sighting) = released[0].sighting.as_ref().unwrap();
    assert_eq!((sighting.notice.fate, sighting.revision), (Fate::Open, 1));
    assert_eq!(sighting.syn.as_deref(), accepted.syn.as_deref());
}

#[test]
fn a_syn_without_an_answer_is_one_sighting_whatever_becomes_of_it() {
    let sightings = sightings();
    let id = sightings.unanswered(&facts(OURS), UnixMillis(1500));
    let fate = || {
        let released = sightings.release(&viewer("k1"), &[sent(1)]);
        assert_eq!(outcome(&released), [(Some((Match::Address, id)), false)]);
        let (_, sighting) = released[0].sighting.as_ref().unwrap();
        (sighting.notice.fate, sighting.revision)
    };
    assert_eq!(fate(), (Fate::Unanswered, 0));
    sightings.held_back(id);
    sightings.held_back(id);
    assert_eq!(fate(), (Fate::HeldBack, 1));
    sightings.answered(id);
    sightings.answered(id);
    assert_eq!(fate(), (Fate::HalfOpen, 2));
    assert!(sightings.completed(id, &facts(OURS)));
    assert_eq!(fate(), (Fate::Open, 3));
    sightings.answered(id);
    sightings.held_back(id);
    assert_eq!(fate(), (Fate::Open, 3));
}

#[test]
fn a_strangers_syn_is_not_released_and_makes_absence_no_proof() {
    let sightings = sightings();
    sightings.unanswered(&facts(THEIRS), UnixMillis(1500));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
}

#[test]
fn where_half_open_connections_may_have_gone_unnoticed_absence_proves_nothing() {
    let sightings = sightings();
    sightings.missed(443, UnixMillis(1500));
    sightings.missed(80, UnixMillis(999));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, false)]);
    sightings.missed(80, UnixMillis(1000));
    sightings.missed(80, UnixMillis(900));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
    let mut later = sent(1);
    later.window = UnixMillis(1001)..=UnixMillis(2000);
    let released = sightings.release(&viewer("k1"), &[later]);
    assert_eq!(outcome(&released), [(None, false)]);
}

#[test]
fn a_strangers_half_open_connection_makes_absence_no_proof_in_its_window() {
    let sightings = sightings();
    let id = sightings.half_open(&facts(THEIRS), UnixMillis(1500));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, true)]);
    let mut later = sent(1);
    later.window = UnixMillis(1501)..=UnixMillis(2000);
    let released = sightings.release(&viewer("k1"), &[later]);
    assert_eq!(outcome(&released), [(None, false)]);
    // The same holds once the connection turns out to be another client's.
    sightings.update(id, greeted("k2", End::Completed));
    assert_eq!(ask(&sightings, &viewer("k1")), [(None, false)]);
}
