//! Tests sessions that were kept silent: what their end proves, and what it does not.

use super::{evidence, judge, whole};
use crate::catalogue::VerdictId;
use crate::comparison::next_round;
use crate::judge::Evidence;
use crate::measurement::{Measurement, Variation, VariedSession};
use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::plan::Silence;
use crate::session::Hold;
use crate::session_kind::SessionKind;
use crate::verdict::Verdict;

#[test]
fn a_limit_is_told_by_the_longest_that_lived_and_the_shortest_that_died() {
    let found = verdict(&dead(240, FailureKind::TimedOut), &[alive(60), alive(120)]);
    assert_eq!(found.id, VerdictId::IdleExpired);
    assert!(
        found
            .claim
            .contains("survive 2 min of silence, but not 4 min: they are silently dead then"),
        "{}",
        found.claim
    );
}

#[test]
fn what_kept_another_alive_is_advised() {
    let kept = silent(
        whole(SessionKind::Tcp),
        Silence {
            keep_alive_seconds: Some(25),
            seconds: 600,
        },
    );
    let found = verdict(&dead(240, FailureKind::Reset), &[alive(120), kept]);
    let step = found.next_step.unwrap();
    assert!(
        found.claim.contains("they are reset when used again"),
        "{}",
        found.claim
    );
    assert!(
        step.contains("they survive with one TCP keep-alive every 25 s"),
        "{step}"
    );
    assert!(step.contains("Azure's load balancers"), "{step}");
}

#[test]
fn the_time_between_messages_is_as_certain_as_the_runs() {
    let step = |probe: &Measurement, siblings: &[Measurement]| {
        let found = verdict(probe, siblings);
        assert_eq!(found.id, VerdictId::IdleExpired, "{}", found.claim);
        found.next_step.unwrap()
    };
    let silently = dead(240, FailureKind::TimedOut);
    let between = step(&silently, &[alive(120)]);
    assert!(
        between.contains("more often than every 4 min (every 2 min to be sure):"),
        "{between}"
    );
    let below = step(&silently, &[]);
    assert!(below.contains("more often than every 4 min:"), "{below}");
    assert!(!below.contains("into it"), "{below}");
    // Both ports get the same next step, about the session that was ended first.
    let (later, earlier) = (midway(3_000_000), midway(2_500_000));
    for (probe, other) in [(&later, &earlier), (&earlier, &later)] {
        let ended = step(probe, std::slice::from_ref(other));
        assert!(
            ended.contains("the first one to this server was ended 2.5 s into it"),
            "{ended}"
        );
        assert!(ended.contains("more often than every 2.5 s:"), "{ended}");
    }
}

#[test]
fn a_port_that_fails_without_silence_too_is_no_idle_timeout() {
    let mut probe = dead(60, FailureKind::TimedOut);
    for comparison in &mut probe.variations {
        comparison.measurement = died(
            whole(SessionKind::Tcp),
            Operation::Testimony,
            FailureKind::TimedOut,
        );
    }
    assert_eq!(verdict(&probe, &[]).id, VerdictId::Inconclusive);
    probe.variations.clear();
    assert_eq!(verdict(&probe, &[]).id, VerdictId::Inconclusive);
}

#[test]
fn a_server_that_was_restarted_is_no_idle_timeout() {
    let mut probe = dead(60, FailureKind::Reset);
    for comparison in &mut probe.variations {
        let session = comparison.measurement.session.as_mut().unwrap();
        session.testimony.as_mut().unwrap().instance = "another".to_owned();
    }
    let found = verdict(&probe, &[]);
    assert_eq!(found.id, VerdictId::Inconclusive);
    assert!(found.claim.contains("another process"), "{}", found.claim);
}

#[test]
fn without_a_limit_none_is_claimed() {
    let found = verdict(&dead(60, FailureKind::TimedOut), &[alive(120)]);
    assert!(
        found
            .claim
            .contains("at one time, and at another not 1 min"),
        "{}",
        found.claim
    );
    let found = verdict(&dead(60, FailureKind::TimedOut), &[]);
    assert!(
        found
            .claim
            .contains("do not survive 1 min of silence, the shortest tried"),
        "{}",
        found.claim
    );
}

#[test]
fn the_port_is_tried_again_without_silence() {
    let mut probe = dead(60, FailureKind::Closed);
    assert_eq!(next_round(&probe), []);
    probe.variations.clear();
    assert_eq!(next_round(&probe), [Variation::InSilence; 2]);
}

fn verdict(probe: &Measurement, siblings: &[Measurement]) -> Verdict {
    let own = evidence(probe);
    let same_server = siblings.iter().chain([probe]).collect();
    judge(&Evidence { same_server, ..own })
}

fn alive(seconds: u32) -> Measurement {
    silent(
        whole(SessionKind::Tcp),
        Silence {
            keep_alive_seconds: None,
            seconds,
        },
    )
}

/// Returns a session that was dead after this many seconds of silence, while two sessions right after it ran whole.
fn dead(seconds: u32, kind: FailureKind) -> Measurement {
    let mut probe = died(alive(seconds), Operation::Resume, kind);
    let mut fresh = whole(SessionKind::Tcp);
    for observation in &mut fresh.observations {
        observation.start_us += LATER_US;
    }
    probe.variations = vec![
        VariedSession {
            variation: Variation::InSilence,
            measurement: fresh,
        };
        2
    ];
    probe
}

/// Returns a session that was reset after this time of its silence, in microseconds.
fn midway(after_us: u64) -> Measurement {
    let mut probe = dead(60, FailureKind::Reset);
    let last = probe.observations.last_mut().unwrap();
    last.operation = Operation::Hold;
    let hold = Hold {
        asked_us: 60_000_000,
        began_us: last.end_us() - after_us,
        ended_us: None,
        answered_us: None,
    };
    probe.session.as_mut().unwrap().hold = Some(hold);
    probe
}

fn died(mut measurement: Measurement, operation: Operation, kind: FailureKind) -> Measurement {
    measurement.observations.retain(|o| o.operation < operation);
    measurement.observations.push(Observation {
        operation,
        target: "198.51.100.7:443".to_owned(),
        start_us: 0,
        duration_us: 4_000_000,
        failure: Some(Failure::new(kind, Origin::Peer)),
    });
    let session = measurement.session.as_mut().unwrap();
    session.farewell = None;
    if operation == Operation::Testimony {
        session.testimony = None;
    }
    measurement
}

fn silent(mut measurement: Measurement, silence: Silence) -> Measurement {
    measurement.silence = Some(silence);
    measurement
}

/// A time after everything in a recorded run, in microseconds.
const LATER_US: u64 = 10_000_000;
