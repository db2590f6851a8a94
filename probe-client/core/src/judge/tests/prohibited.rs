//! Tests ICMP errors that come only after silence: when they are the answer to a port's SYNs, and when they are not.

use std::net::IpAddr;

use super::instances::{DIALLED, record, refused, with};
use super::{End, SILENCE, ended, flow, judge, told};
use crate::catalogue::VerdictId;
use crate::judge::Evidence;
use crate::measurement::{FlowEnd, FlowRound, Measurement, Variation, VariedSession};
use crate::observation::{Failure, FailureKind, Origin};
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Segment, Verdict};

#[test]
fn an_error_that_answers_a_new_session_alone_is_the_answer() {
    let found = verdict(&silent(&[(ALONE, prohibited())]));
    let at = Segment::Path {
        hop: None,
        address: Some(ROUTER),
    };
    assert_eq!(
        (found.id, &found.segment, found.confidence),
        (VerdictId::Prohibited, &at, Confidence::Medium),
        "{}",
        found.claim
    );
    assert!(
        found.claim.contains("administratively prohibited"),
        "{}",
        found.claim
    );
    assert!(tells_of_silence(&found), "{:?}", found.evidence);
    // One session alone may be lost by chance.
    let later = silent(&[(ALONE, silent(&[])), (ALONE, prohibited())]);
    assert_eq!(verdict(&later).id, VerdictId::Prohibited);
}

#[test]
fn an_error_that_answers_the_first_syn_needs_no_other() {
    let mut probe = prohibited();
    probe.variations = varied(&[(ALONE, prohibited())]);
    let found = verdict(&probe);
    assert_eq!(
        (found.id, found.confidence),
        (VerdictId::Prohibited, Confidence::High)
    );
    assert!(!tells_of_silence(&found), "{:?}", found.evidence);
    // The error says more than the text of the system.
    let seen = found.evidence.iter().find(|fact| fact.contains("ICMP"));
    let seen = seen.expect("the error is among the facts");
    assert!(seen.contains("from 192.0.2.1"), "{seen}");
    assert!(!seen.contains("No route to host"), "{seen}");
}

#[test]
fn an_error_at_another_pace_decides_nothing() {
    let beside_others = Variation::InPace { held: 3 };
    for variations in [
        vec![],
        vec![(beside_others, prohibited())],
        vec![(Variation::InNothing, prohibited())],
        vec![(ALONE, refused())],
    ] {
        assert_ne!(verdict(&silent(&variations)).id, VerdictId::Prohibited);
    }
}

#[test]
fn a_port_that_accepts_any_syn_is_not_prohibited() {
    let accepted = ended(SessionKind::Tcp, End::NoData(SILENCE));
    for variation in [ALONE, Variation::InNothing] {
        let all = [(ALONE, prohibited()), (variation, accepted.clone())];
        assert_ne!(verdict(&silent(&all)).id, VerdictId::Prohibited);
    }
    let with_flow = |port, end| {
        let mut probe = silent(&[(ALONE, prohibited())]);
        probe.flows = vec![flow(FlowRound::Early, port, end)];
        verdict(&probe).id == VerdictId::Prohibited
    };
    assert!(!with_flow(DIALLED, FlowEnd::Answered));
    assert!(!with_flow(DIALLED, FlowEnd::Stuck));
    assert!(with_flow(DIALLED, FlowEnd::Unanswered));
    // A side connection to a port that works says nothing about this one.
    assert!(with_flow(80, FlowEnd::Answered));
}

#[test]
fn an_error_of_this_host_itself_is_no_answer() {
    let probe = silent(&[(ALONE, prohibited())]);
    assert_eq!(judged(&probe, &[ROUTER]).id, VerdictId::Dropped);
    assert_eq!(judged(&probe, &[]).id, VerdictId::Prohibited);
}

fn verdict(probe: &Measurement) -> Verdict {
    judged(probe, &[])
}

/// Judges a probe of a port on which the server says that it listens.
fn judged(probe: &Measurement, own_addresses: &[IpAddr]) -> Verdict {
    let record = record("a", &[DIALLED], Vec::new());
    judge(&Evidence {
        own_addresses,
        ..with(probe, &record)
    })
}

fn tells_of_silence(found: &Verdict) -> bool {
    let mut all = found.evidence.iter();
    all.any(|fact| fact.contains("the first SYNs got no answer; a new session, dialled alone"))
}

/// Returns a probe whose SYNs got no answer, of which the server saw nothing.
fn silent(variations: &[(Variation, Measurement)]) -> Measurement {
    let mut probe = refused();
    probe.observations[0].failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
    probe.sighting = Some(told(Vec::new()));
    probe.variations = varied(variations);
    probe
}

/// Returns a probe whose SYN was answered with an ICMP error.
fn prohibited() -> Measurement {
    let mut probe = refused();
    let origin = Origin::Icmp {
        sender: ROUTER,
        icmp_type: 3,
        code: 13,
    };
    let failure = Failure::new(FailureKind::HostUnreachable, origin);
    probe.observations[0].failure = Some(failure.with_text("No route to host"));
    probe
}

fn varied(variations: &[(Variation, Measurement)]) -> Vec<VariedSession> {
    let made = variations.iter().cloned();
    made.map(|(variation, measurement)| VariedSession {
        variation,
        measurement,
    })
    .collect()
}

const ALONE: Variation = Variation::InPace { held: 0 };
const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
