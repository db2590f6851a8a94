//! Tests slow paths: silence there does not point to a device, and a session whose bytes still move is not dead.

use super::{
    AGAIN, AGAIN_DIED, AGAIN_MUTE, AS_TCP, DIED, End, LARGE, MUTE, SMALL, evidence, findings,
    judge, lossy, probe, whole,
};
use crate::catalogue::{FindingId, VerdictId};
use crate::judge::Evidence;
use crate::measurement::{Measurement, VariedSession};
use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::session_kind::SessionKind;
use crate::verdict::Verdict;

/// Returns the verdict for `probe`, if another port of the same server has round trips of `rtt_ms` milliseconds.
fn beside(probe: &Measurement, rtt_ms: u64) -> Verdict {
    let other = with_round_trips(whole(SessionKind::Tcp), rtt_ms);
    judge(&Evidence {
        same_server: vec![probe, &other].into(),
        ..evidence(probe)
    })
}

fn with_round_trips(mut measurement: Measurement, rtt_ms: u64) -> Measurement {
    let transport = measurement.transport.as_mut().unwrap();
    transport.rtt_us = Some(rtt_ms * 1_000);
    transport.least_rtt_us = Some(rtt_ms * 1_000);
    measurement
}

#[test]
fn silence_on_a_slow_way_is_no_inspection() {
    let inspected = [&AGAIN_MUTE[..], &[(AS_TCP, End::Whole); 4]].concat();
    let probe = probe(SessionKind::Https, MUTE, &inspected);
    assert_eq!(beside(&probe, 50).id, VerdictId::PayloadDropped);
    let slow = beside(&probe, 2_000);
    assert_eq!(slow.id, VerdictId::Inconclusive);
    assert!(slow.claim.contains("slow"), "{}", slow.claim);
    assert!(slow.evidence.iter().any(|e| e.contains("2.0 s")));
}

#[test]
fn a_slow_way_does_not_explain_that_full_size_segments_alone_vanish() {
    let small = (SMALL, End::Whole);
    let sizes = [small, small, small, small, (LARGE, DIED)];
    let probe = probe(
        SessionKind::Https,
        DIED,
        &[&AGAIN_DIED[..], &sizes].concat(),
    );
    assert_eq!(beside(&probe, 2_000).id, VerdictId::PathMtuBlackHole);
}

#[test]
fn a_handshake_that_was_repeated_makes_no_slow_way() {
    let inspected = [&AGAIN_MUTE[..], &[(AS_TCP, End::Whole); 4]].concat();
    let probe = probe(SessionKind::Https, MUTE, &inspected);
    let verdict = |syns_sent_again: u32, least_ms: u64| {
        let mut other = with_round_trips(whole(SessionKind::Tcp), 1_028);
        let transport = other.transport.as_mut().unwrap();
        transport.least_rtt_us = Some(least_ms * 1_000);
        transport.syn_retransmissions = Some(syns_sent_again);
        let same_server = vec![&probe, &other].into();
        let evidence = Evidence {
            same_server,
            ..evidence(&probe)
        };
        judge(&evidence).id
    };
    assert_eq!(verdict(0, 1_028), VerdictId::Inconclusive);
    assert_eq!(verdict(1, 1_028), VerdictId::PayloadDropped);
    // The least round trip differs from the smoothed one, so later segments have measured the round trip too, and the
    // repeated handshake is not the only measurement.
    assert_eq!(verdict(1, 900), VerdictId::Inconclusive);
}

#[test]
fn what_still_moved_was_slow_whatever_its_comparisons_say() {
    let inspected = [&AGAIN_MUTE[..], &[(AS_TCP, End::Whole); 4]].concat();
    let probe = probe(
        SessionKind::Https,
        End::Died(FailureKind::Slow, 20_000),
        &inspected,
    );
    let found = judge(&evidence(&probe));
    assert_eq!(found.id, VerdictId::Inconclusive);
    assert!(found.claim.contains("still moved"), "{}", found.claim);
    let noted = findings(&evidence(&probe));
    assert!(noted.iter().any(|f| f.id == FindingId::SlowPath));
}

#[test]
fn on_a_slow_way_one_fresh_session_shows_that_a_port_is_open() {
    let probe = probe(
        SessionKind::Https,
        MUTE,
        &[(AGAIN, MUTE), (AGAIN, End::Whole)],
    );
    assert_eq!(beside(&probe, 50).id, VerdictId::Inconclusive);
    assert_eq!(beside(&probe, 2_000).id, VerdictId::ReachableWithLoss);
}

#[test]
fn a_port_is_not_silent_on_a_slow_way_before_it_was_dialled_alone() {
    let mut silent = whole(SessionKind::Tcp);
    silent.observations = vec![Observation {
        operation: Operation::Connect,
        target: "198.51.100.7:443".to_owned(),
        start_us: 0,
        duration_us: 3_500_000,
        failure: Some(Failure::new(FailureKind::TimedOut, Origin::Unknown)),
    }];
    silent.session = None;
    silent.transport = None;
    let slow = |probe: &Measurement| beside(probe, 2_000).claim.contains("slow");
    assert!(slow(&silent));
    let mut twice = silent.clone();
    twice.variations = vec![VariedSession {
        variation: AGAIN,
        measurement: silent,
    }];
    assert!(!slow(&twice));
}

#[test]
fn a_syn_that_is_sent_again_before_its_answer_can_be_there_is_no_loss() {
    let sent_again = |syns, rtt_ms| {
        let session = lossy(whole(SessionKind::Tcp), syns, 0);
        with_round_trips(session, rtt_ms).syns_sent_again()
    };
    assert_eq!(sent_again(1, 900), 1);
    assert_eq!(sent_again(1, 1_000), 0);
    // Some systems repeat the second SYN after one second, others after two.
    assert_eq!(sent_again(2, 1_900), 1);
    assert_eq!(sent_again(2, 2_000), 0);
    assert_eq!(sent_again(3, 2_900), 1);
}

#[test]
fn a_slow_way_is_told_with_its_numbers() {
    let detail = |probe: &Measurement| {
        let noted = findings(&evidence(probe));
        let slow = noted.into_iter().find(|f| f.id == FindingId::SlowPath)?;
        slow.detail
    };
    assert_eq!(detail(&whole(SessionKind::Tcp)), None);
    let mut slow = with_round_trips(whole(SessionKind::Tcp), 1_500);
    slow.transport.as_mut().unwrap().least_rtt_us = Some(100_000);
    slow.session.as_mut().unwrap().left_out = Some(86_016);
    let text = detail(&slow).unwrap();
    assert!(
        text.contains("100.0 ms at least and 1.5 s smoothed"),
        "{text}"
    );
    assert!(text.contains("86016 payload bytes"), "{text}");
}

#[test]
fn a_session_that_waits_for_a_window_is_slow_and_not_dropped() {
    let mut waiting = probe(SessionKind::Https, MUTE, &AGAIN_MUTE);
    assert!(!judge(&evidence(&waiting)).claim.contains("slow"));
    waiting.transport.as_mut().unwrap().window_limited_us = Some(3_400_000);
    let found = judge(&evidence(&waiting));
    assert_eq!(found.id, VerdictId::Inconclusive);
    let numbers = found
        .evidence
        .iter()
        .any(|e| e.contains("waiting for the other end's window"));
    assert!(numbers, "{:?}", found.evidence);
}

#[test]
fn a_server_that_waited_in_vain_for_a_greeting_is_no_device_that_resets() {
    let mut closed = probe(SessionKind::Https, End::NoData(FailureKind::Closed), &[]);
    let last = closed.observations.last_mut().unwrap();
    last.duration_us = 8_000_000;
    let before = closed.observations.len() - 2;
    closed.observations[before].duration_us = 1_000_000;
    assert!(!closed.died_in_silence());
    closed.observations[before].duration_us = 2_000_000;
    assert!(closed.died_in_silence());
    assert_eq!(beside(&closed, 2_000).id, VerdictId::Inconclusive);
}

#[test]
fn a_line_that_loses_nearly_all_explains_silence_on_other_ports() {
    let silent = probe(SessionKind::Https, MUTE, &AGAIN_MUTE);
    let beside_losses = |count, took_us| {
        let mut other = lossy(whole(SessionKind::Tcp), 0, count);
        other.observations.last_mut().unwrap().duration_us = took_us;
        let same_server = vec![&silent, &other].into();
        let evidence = Evidence {
            same_server,
            ..evidence(&silent)
        };
        judge(&evidence).claim.contains("slow")
    };
    assert!(!beside_losses(8, 3_000_000));
    assert!(!beside_losses(30, 500_000));
    assert!(beside_losses(30, 3_000_000));
}
