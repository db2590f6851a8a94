//! Tests what may be said about a port that did not accept a connection, from what the server's witness saw.

use super::instances::{DIALLED, record, refused, with};
use super::{judge, sighting, told};
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, SightingAnswer, SightingEnd};
use crate::observation::{Failure, FailureKind, Origin};
use crate::verdict::{Confidence, Segment, Verdict};

#[test]
fn a_syn_that_stopped_at_the_host_is_laid_to_it() {
    let found = verdict(FailureKind::TimedOut, answer(&[SightingEnd::Unanswered]));
    assert_eq!(
        (found.id, found.segment, found.confidence),
        (VerdictId::Dropped, Segment::ServerHost, Confidence::High)
    );
    let found = verdict(FailureKind::Refused, answer(&[SightingEnd::Unanswered]));
    assert_eq!(
        (found.id, found.segment),
        (VerdictId::Rejected, Segment::ServerHost)
    );
}

#[test]
fn an_answer_that_left_the_host_is_lost_on_the_way_back() {
    let found = verdict(FailureKind::TimedOut, answer(&[SightingEnd::HalfOpen]));
    assert_eq!(
        (found.id, found.segment),
        (VerdictId::ReplyDropped, Segment::PATH)
    );
}

#[test]
fn an_answer_that_did_not_leave_the_host_is_laid_to_it() {
    let both = [SightingEnd::HalfOpen, SightingEnd::Unanswered];
    let held_back = answer(&both);
    let of = |answer| {
        let found = verdict(FailureKind::TimedOut, answer);
        assert_eq!(found.id, VerdictId::ReplyDropped);
        found.segment
    };
    assert_eq!(of(held_back.clone()), Segment::ServerHost);
    // Nothing says that the answer to another SYN was held back.
    let mut another = answer(&[SightingEnd::HalfOpen]);
    another.sightings[0].peer = Some(([203, 0, 113, 9], 40_001).into());
    let beside = held_back.clone().and(another);
    assert_eq!(of(beside), Segment::PATH);
    let mut missed = held_back;
    missed.sees_every_syn = false;
    assert_eq!(of(missed), Segment::PATH);
}

#[test]
fn what_is_told_twice_is_held_back_only_if_it_is_so_both_times() {
    let both = || answer(&[SightingEnd::HalfOpen, SightingEnd::Unanswered]);
    let of = |answer| verdict(FailureKind::TimedOut, answer).segment;
    assert_eq!(of(both().and(both())), Segment::ServerHost);
    assert_eq!(
        of(answer(&[SightingEnd::Unanswered]).and(both())),
        Segment::ServerHost
    );
    assert_eq!(
        of(both().and(answer(&[SightingEnd::HalfOpen]))),
        Segment::PATH
    );
    assert_eq!(
        of(answer(&[SightingEnd::HalfOpen]).and(both())),
        Segment::PATH
    );
}

#[test]
fn a_connection_beside_it_decides_nothing() {
    let both = answer(&[SightingEnd::Unanswered, SightingEnd::PeerClosed]);
    let found = verdict(FailureKind::TimedOut, both);
    assert_eq!(found.id, VerdictId::Inconclusive);
}

#[test]
fn absence_rules_out_the_host_only_if_every_syn_was_seen() {
    let found = verdict(FailureKind::TimedOut, answer(&[]));
    assert_eq!(found.id, VerdictId::Dropped);
    assert!(found.claim.ends_with("before they reach the server's host"));
    assert!(!text(&found).contains("own firewall drops"), "{found:?}");
    let mut missed = answer(&[]);
    missed.sees_every_syn = false;
    let found = verdict(FailureKind::TimedOut, missed.clone());
    assert_eq!(found.id, VerdictId::Dropped);
    assert!(text(&found).contains("own firewall drops"), "{found:?}");
    missed.sees_half_open = false;
    let found = verdict(FailureKind::TimedOut, missed);
    assert_eq!(found.id, VerdictId::Inconclusive);
}

#[test]
fn where_nobody_listens_absence_says_nothing() {
    for seen in [
        answer(&[]),
        SightingAnswer {
            sees_every_syn: false,
            ..answer(&[])
        },
    ] {
        let mut probe = silent();
        probe.sighting = Some(seen);
        let elsewhere = record("a", &[DIALLED + 1], Vec::new());
        let found = judge(&with(&probe, &elsewhere));
        assert_eq!(found.id, VerdictId::Inconclusive, "{}", found.claim);
        let next = found.next_step.unwrap_or_default();
        assert!(next.contains("let fwprobe-echo listen on port"), "{next}");
    }
}

#[test]
fn a_server_that_cannot_see_syns_is_to_be_given_a_witness() {
    let mut blind = answer(&[]);
    (blind.sees_every_syn, blind.sees_half_open) = (false, false);
    let found = verdict(FailureKind::TimedOut, blind);
    assert_eq!(found.id, VerdictId::Inconclusive);
    let next = found.next_step.unwrap_or_default();
    assert!(next.contains("`witness = true`"), "{next}");
}

#[test]
fn a_syn_that_nobody_can_be_named_for_leaves_it_open() {
    let mut blurred = answer(&[]);
    blurred.unattributed = true;
    let found = verdict(FailureKind::TimedOut, blurred);
    assert_eq!(found.id, VerdictId::Inconclusive);
}

#[test]
fn of_processes_on_one_port_the_one_with_the_connection_counts() {
    let saw_it_come = answer(&[SightingEnd::HalfOpen, SightingEnd::Unanswered]);
    let has_it = answer(&[SightingEnd::Open]);
    let both = saw_it_come.and(has_it);
    let ends: Vec<_> = both.sightings.iter().map(|s| s.end).collect();
    assert_eq!(ends, [SightingEnd::Open]);
}

fn silent() -> Measurement {
    let mut probe = refused();
    for observation in &mut probe.observations {
        observation.failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
    }
    probe
}

fn verdict(failure: FailureKind, answer: SightingAnswer) -> Verdict {
    let mut probe = if failure == FailureKind::TimedOut {
        silent()
    } else {
        refused()
    };
    probe.sighting = Some(answer);
    let record = record("a", &[DIALLED], Vec::new());
    judge(&with(&probe, &record))
}

fn text(verdict: &Verdict) -> String {
    verdict.evidence.join("\n")
}

/// Returns the answer of a server with a witness, whose sightings are all of one peer.
fn answer(ends: &[SightingEnd]) -> SightingAnswer {
    let peer = Some(([203, 0, 113, 9], 40_000).into());
    let seen = ends.iter().map(|end| sighting(peer, *end));
    SightingAnswer {
        sees_every_syn: true,
        ..told(seen.collect())
    }
}
