//! Tests a port that refused the probe, and what other SYNs to it show.

use super::instances::{DIALLED, record, refused, with};
use super::{End, ended, flow, judge, probe};
use crate::catalogue::VerdictId;
use crate::comparison::lost_syns;
use crate::control_record::{ControlOutcome, ControlRecord};
use crate::measurement::{FlowEnd, FlowRound, Variation};
use crate::session_kind::SessionKind;
use crate::survey::{HopAnswer, HopTry, Survey};
use crate::verdict::{Confidence, Segment, Verdict};

#[test]
fn a_port_that_accepts_other_syns_is_not_called_closed() {
    let refused_each_time = verdict(&[HopAnswer::Reset, HopAnswer::Reset]);
    assert_eq!(refused_each_time.id, VerdictId::Rejected);
    let found = verdict(&[HopAnswer::Reset, HopAnswer::SynAck]);
    assert_eq!(found.id, VerdictId::Inconclusive);
    assert!(found.claim.contains("were accepted"), "{}", found.claim);
}

#[test]
fn a_reset_of_unknown_origin_is_blamed_on_nobody() {
    let found = verdict(&[]);
    assert_eq!(
        (found.id, &found.segment),
        (VerdictId::Rejected, &Segment::Unknown),
        "{}",
        found.claim
    );
}

#[test]
fn what_is_turned_away_in_a_crowd_is_dialled_slowly() {
    let open = ended(SessionKind::Tcp, End::Whole);
    assert_eq!(lost_syns(&[open.clone(), refused()], &refused()), [1]);
    assert_eq!(lost_syns(&[refused()], &open), [0]);
    // If nothing connects, the number of connections is not to blame.
    assert_eq!(lost_syns(&[refused()], &refused()), [0_usize; 0]);
    let mut limited = refused();
    let slowly = Variation::InPace { held: 0 };
    limited.variations = probe(SessionKind::Tcp, End::Whole, &[(slowly, End::Whole)]).variations;
    let record = record("a", &[DIALLED], Vec::new());
    let found = judge(&with(&limited, &record));
    assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
}

#[test]
fn what_turns_side_connections_away_after_a_restart_is_not_excused_by_it() {
    let mut record = record("a", &[DIALLED], Vec::new());
    if let ControlOutcome::Reached { description, .. } = &mut record.outcome {
        description.began_us = Some(1_000);
    }
    let mut probe = refused();
    assert_eq!(judge(&with(&probe, &record)).id, VerdictId::Inconclusive);
    probe.flows = vec![flow(FlowRound::Early, DIALLED, FlowEnd::TurnedAway)];
    assert_eq!(judge(&with(&probe, &record)).id, VerdictId::Rejected);
}

#[test]
fn what_is_turned_away_beside_a_port_that_works_is_not_dialled_slowly() {
    let open = ended(SessionKind::Tcp, End::Whole);
    let away = flow(FlowRound::Early, DIALLED, FlowEnd::TurnedAway);
    let works = flow(FlowRound::Control, 80, FlowEnd::Answered);
    let mut probe = refused();
    probe.flows = vec![away; 3];
    assert_eq!(lost_syns(&[open.clone(), probe.clone()], &refused()), [1]);
    probe.flows.push(works);
    assert_eq!(
        lost_syns(&[open.clone(), probe.clone()], &refused()),
        [0_usize; 0]
    );
    // A limit that turned side connections of an open port away may have done the same here.
    let mut limited = open;
    limited.flows = vec![flow(
        FlowRound::AtOnce,
        limited.port_dialled(),
        FlowEnd::TurnedAway,
    )];
    assert_eq!(lost_syns(&[limited, probe], &refused()), [1]);
}

#[test]
fn errors_in_the_dialled_name_show_a_device_that_sends_it_elsewhere() {
    let survey = |named: &[(u16, u8, HopAnswer)]| {
        let tries = named.iter().zip(40_000..);
        let tries = tries.map(|((port, hop_limit, answer), source_port)| HopTry {
            port: *port,
            hop_limit: *hop_limit,
            ..hop_try(source_port, *answer)
        });
        let mut probe = refused();
        probe.survey = Some(Survey {
            reference: Some(80),
            tries: tries.collect(),
            ..Survey::new(DIALLED)
        });
        let record = record("a", &[DIALLED], Vec::new());
        judge(&with(&probe, &record))
    };
    let expired = |from: [u8; 4]| HopAnswer::Expired { from: from.into() };
    let (router, server) = (expired([192, 0, 2, 1]), expired([198, 51, 100, 7]));
    let found = survey(&[(DIALLED, 1, server), (DIALLED, 2, server), (80, 1, router)]);
    let segment = Segment::Path {
        hop: Some(1),
        address: Some([192, 0, 2, 1].into()),
    };
    assert_eq!((found.id, found.segment), (VerdictId::Rejected, segment));
    assert!(
        found.claim.contains("another destination"),
        "{}",
        found.claim
    );
    // Hop 1 was not surveyed, so the device may be there or at hop 2.
    let found = survey(&[(DIALLED, 2, server)]);
    assert_eq!(found.segment, Segment::PATH);
    // If the working port's errors are translated too, the device does this for all of the server's ports.
    let found = survey(&[(DIALLED, 1, server), (80, 1, server)]);
    assert_eq!(found.segment, Segment::Unknown);
}

#[test]
fn a_host_that_passes_other_ports_on_refuses_from_one_hop_before_the_server() {
    let of = |own: u8, listening: &[u16]| {
        let found = at_distance(own, 3, &record("a", listening, Vec::new()));
        (found.id, found.confidence)
    };
    let (rejected, high) = (VerdictId::Rejected, Confidence::High);
    let not_listening = VerdictId::NotListening;
    assert_eq!(of(2, &[80]), (not_listening, Confidence::Medium));
    assert_eq!(of(1, &[80]), (rejected, high));
    assert_eq!(of(2, &[80, DIALLED]), (rejected, high));
    // The last router may refuse as well.
    assert_eq!(of(3, &[80]), (not_listening, Confidence::Medium));
}

#[test]
fn the_last_router_and_the_servers_host_reset_alike() {
    let found = at_distance(3, 3, &record("a", &[80, DIALLED], Vec::new()));
    let (segment, confidence) = (Segment::CloudEdge, Confidence::Medium);
    assert_eq!(
        (found.id, found.segment, found.confidence),
        (VerdictId::Rejected, segment, confidence),
        "{}",
        found.claim
    );
}

/// Judges a refused port whose RST comes from `own` hops away, while port 80 answers from `server` hops away.
fn at_distance(own: u8, server: u8, record: &ControlRecord) -> Verdict {
    let mut tries = Vec::new();
    for source_port in 40_000..40_003 {
        for (port, hops, answer) in [
            (DIALLED, own, HopAnswer::Reset),
            (80, server, HopAnswer::SynAck),
        ] {
            let expired = HopAnswer::Expired {
                from: [192, 0, 2, hops - 1].into(),
            };
            for (hop_limit, answer) in [(hops - 1, expired), (hops, answer)] {
                tries.push(HopTry {
                    port,
                    hop_limit,
                    ..hop_try(source_port, answer)
                });
            }
        }
    }
    tries.retain(|hop_try| hop_try.hop_limit > 0);
    let mut probe = refused();
    probe.survey = Some(Survey {
        reference: Some(80),
        tries,
        ..Survey::new(DIALLED)
    });
    judge(&with(&probe, record))
}

/// Judges a port on which the server says that it listens.
fn verdict(answers: &[HopAnswer]) -> Verdict {
    let mut probe = refused();
    let tries = answers.iter().zip(40_000..);
    let tries = tries.map(|(answer, source_port)| hop_try(source_port, *answer));
    probe.survey = Some(Survey {
        tries: tries.collect(),
        ..Survey::new(DIALLED)
    });
    let record = record("a", &[DIALLED], Vec::new());
    judge(&with(&probe, &record))
}

fn hop_try(source_port: u16, answer: HopAnswer) -> HopTry {
    HopTry {
        port: DIALLED,
        source_port,
        hop_limit: 64,
        start_us: 0,
        duration_us: 1_000,
        answer,
    }
}
