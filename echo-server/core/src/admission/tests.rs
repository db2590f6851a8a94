//! Tests that permits are counted by key, refused at each limit, and given back when dropped.

use super::*;

const NOW: Duration = Duration::from_secs(1000);

fn admission(strangers: usize, sessions: usize, per_key: usize) -> Admission {
    Admission::new(AdmissionLimits {
        strangers,
        sessions,
        per_key,
        ..AdmissionLimits::default()
    })
}

fn key(id: &str) -> KeyId {
    id.parse().unwrap()
}

#[test]
fn strangers_have_a_limit_of_their_own() {
    let admission = admission(2, 1, 1);
    let first = admission.accept().unwrap();
    let mut second = admission.accept().unwrap();
    assert!(admission.accept().is_none());
    second.hold_under(NOW, &key("a"), false);
    assert!(admission.accept().is_some());
    drop(first);
    assert_eq!(
        admission.load(),
        Load {
            strangers: 0,
            sessions: 1
        }
    );
}

#[test]
fn a_place_is_free_for_the_next_however_few_there_are() {
    let total = |strangers| {
        let limits = AdmissionLimits {
            strangers,
            ..AdmissionLimits::default()
        };
        limits.stranger_limits().total
    };
    for strangers in AdmissionLimits::MIN_STRANGERS..100 {
        assert!((1..strangers).contains(&total(strangers)), "{strangers}");
    }
    assert_eq!(total(4096), 3584);
}

#[test]
fn each_limit_refuses_and_an_end_makes_room() {
    let admission = admission(10, 3, 2);
    let mut held: Vec<Permit> = Vec::new();
    for _ in 0..2 {
        let mut permit = admission.accept().unwrap();
        assert_eq!(permit.decide(NOW, &key("a"), false), Decision::Admit);
        permit.hold_under(NOW, &key("a"), false);
        held.push(permit);
    }
    let mut permit = admission.accept().unwrap();
    assert_eq!(
        permit.decide(NOW, &key("a"), false),
        Decision::Overloaded(Overload::Key)
    );
    assert_eq!(permit.decide(NOW, &key("b"), false), Decision::Admit);
    permit.hold_under(NOW, &key("b"), false);
    let waiting = admission.accept().unwrap();
    assert_eq!(
        waiting.decide(NOW, &key("c"), false),
        Decision::Overloaded(Overload::Total)
    );
    held.clear();
    assert_eq!(waiting.decide(NOW, &key("c"), false), Decision::Admit);
    assert_eq!(waiting.decide(NOW, &key("a"), false), Decision::Admit);
}

#[test]
fn draining_refuses_new_sessions_and_leaves_running_ones() {
    let admission = admission(10, 10, 10);
    let mut running = admission.accept().unwrap();
    running.hold_under(NOW, &key("a"), false);
    admission.drain();
    assert_eq!(running.decide(NOW, &key("a"), false), Decision::Admit);
    let new = admission.accept().unwrap();
    assert_eq!(new.decide(NOW, &key("a"), false), Decision::Draining);
}

#[test]
fn a_connection_that_changes_its_key_is_counted_once() {
    let admission = admission(1, 10, 10);
    let mut permit = admission.accept().unwrap();
    permit.hold_under(NOW, &key("a"), false);
    permit.hold_under(NOW, &key("b"), false);
    permit.hold_under(NOW, &key("b"), false);
    assert_eq!(
        admission.load(),
        Load {
            strangers: 0,
            sessions: 1
        }
    );
    drop(permit);
    assert_eq!(
        admission.load(),
        Load {
            strangers: 0,
            sessions: 0
        }
    );
}

#[test]
fn held_sessions_have_a_limit_of_their_own() {
    let admission = Admission::new(AdmissionLimits {
        held_per_key: 1,
        ..AdmissionLimits::default()
    });
    let mut held = admission.accept().unwrap();
    held.hold_under(NOW, &key("a"), false);
    held.hold_under(NOW, &key("a"), true);
    let next = admission.accept().unwrap();
    let overloaded = Decision::Overloaded(Overload::Held);
    assert_eq!(next.decide(NOW, &key("a"), true), overloaded);
    assert_eq!(next.decide(NOW, &key("a"), false), Decision::Admit);
    assert_eq!(next.decide(NOW, &key("b"), true), Decision::Admit);
    drop(held);
    assert_eq!(next.decide(NOW, &key("a"), true), Decision::Admit);
}

#[test]
fn a_key_that_is_too_fast_waits_for_a_moment() {
    let admission = Admission::new(AdmissionLimits {
        per_second_per_key: 2,
        ..AdmissionLimits::default()
    });
    let permits: Vec<Permit> = (0..3)
        .map(|_| {
            let mut permit = admission.accept().unwrap();
            assert_eq!(permit.decide(NOW, &key("a"), false), Decision::Admit);
            permit.hold_under(NOW, &key("a"), false);
            permit
        })
        .collect();
    let next = admission.accept().unwrap();
    let overloaded = Decision::Overloaded(Overload::Pace);
    assert_eq!(next.decide(NOW, &key("a"), false), overloaded);
    assert_eq!(next.decide(NOW, &key("b"), false), Decision::Admit);
    let later = NOW + Duration::from_millis(500);
    assert_eq!(next.decide(later, &key("a"), false), Decision::Admit);
    drop(permits);
}

#[test]
fn strangers_in_tls_are_no_more_than_all_and_never_many() {
    let crowds = |strangers, strangers_per_source| {
        let limits = AdmissionLimits {
            strangers,
            strangers_per_source,
            ..AdmissionLimits::default()
        };
        (limits.stranger_limits(), limits.tls_stranger_limits())
    };
    for (strangers, per_source) in [(2, 1), (47, 20), (100_000, 90_000)] {
        let (all, in_tls) = crowds(strangers, per_source);
        assert!(in_tls.total <= all.total && in_tls.per_source <= all.per_source);
        assert!(in_tls.total <= 1024 && in_tls.per_source <= 512);
        assert!(in_tls.total >= 1 && in_tls.per_source >= 1);
    }
    // If there are few places, both limits are the same.
    let (all, in_tls) = crowds(47, 20);
    assert_eq!(all, in_tls);
}
