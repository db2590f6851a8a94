//! Tests silent ports of a run in which this host sent too many SYNs: what may be said about such a port.

use super::instances::{DIALLED, record, refused, with};
use super::{AGAIN, SILENCE, ended, flow, judge, lossy, sighting, told, whole};
use crate::catalogue::VerdictId;
use crate::comparison::lost_syns;
use crate::measurement::{
    Flow, FlowEnd, FlowRound, Measurement, SightingEnd, Variation, VariedSession,
};
use crate::observation::{Failure, FailureKind, Origin};
use crate::session_kind::SessionKind;

#[test]
fn silence_says_nothing_while_ports_that_work_are_silent_too() {
    use FlowEnd::{Answered, Stuck, Unanswered};

    let dropped = VerdictId::Dropped;
    assert_eq!(beside([Answered, Answered], 5_000), dropped);
    // One lost SYN is ordinary.
    assert_eq!(beside([Answered, Unanswered], 5_000), dropped);
    // A flow that loses what follows its handshake has had its SYN answered.
    assert_eq!(beside([Stuck, Stuck], 5_000), dropped);
    let undecided = VerdictId::Inconclusive;
    assert_eq!(beside([Unanswered, Unanswered], 5_000), undecided);
    // On a slow path the answers came too late.
    assert_eq!(beside([Unanswered, Unanswered], 400_000), dropped);
}

#[test]
fn silence_says_nothing_while_the_pace_loses_connections_to_ports_that_work() {
    use FlowEnd::{Answered, Unanswered};
    use FlowRound::{Again, AtOnce, Fresh};

    let dropped = VerdictId::Dropped;
    let lost = |round, end, count| vec![(round, end); count];
    let slowly = lost(Again, Answered, 6);
    for (at_once, slowly, expected) in [
        (8, slowly.clone(), VerdictId::Inconclusive),
        // Two lost connections may be chance.
        (2, slowly, dropped),
        // A fault by flow stays with its source ports.
        (8, lost(Again, Unanswered, 6), dropped),
        (8, Vec::new(), dropped),
    ] {
        let mut works = whole(SessionKind::Https);
        let own = [
            lost(AtOnce, Unanswered, at_once),
            lost(AtOnce, Answered, 11 - at_once),
            slowly,
            lost(Fresh, Answered, 1),
        ];
        let port = works.port_dialled();
        works.flows = own
            .concat()
            .into_iter()
            .map(|(round, end)| Flow {
                round,
                ..control(port, end)
            })
            .collect();
        let (probe, record) = (silent(), record("a", &[DIALLED], Vec::new()));
        let mut evidence = with(&probe, &record);
        evidence.same_server = vec![&probe, &works].into();
        assert_eq!(judge(&evidence).id, expected, "{at_once}");
    }
}

/// The SYNs that a port's own session lost, those that its varied sessions lost, and the verdict on another, silent port.
type LossCase = (u32, &'static [(Variation, u32)], VerdictId);

#[test]
fn silence_says_nothing_while_sessions_of_ports_that_work_lose_several_syns_in_a_row() {
    let (dropped, undecided) = (VerdictId::Dropped, VerdictId::Inconclusive);
    let cases: [LossCase; 7] = [
        (2, &[(AGAIN, 2)], undecided),
        (2, &[(ALONE, 2)], undecided),
        (0, &[(AGAIN, 3), (ALONE, 2)], undecided),
        // One session may do so by chance.
        (2, &[], dropped),
        (0, &[(AGAIN, 0), (ALONE, 2)], dropped),
        // Single SYNs are often lost by chance.
        (2, &[(AGAIN, 1), (ALONE, 1)], dropped),
        (1, &[(AGAIN, 1), (ALONE, 1)], dropped),
    ];
    for (own, others, expected) in cases {
        let losing = |syns| lossy(whole(SessionKind::Https), syns, 0);
        let mut works = losing(own);
        let others_ran = others.iter().map(|(variation, syns)| VariedSession {
            variation: *variation,
            measurement: losing(*syns),
        });
        works.variations = others_ran.collect();
        let (probe, record) = (silent(), record("a", &[DIALLED], Vec::new()));
        let mut evidence = with(&probe, &record);
        evidence.same_server = vec![&probe, &works].into();
        let found = judge(&evidence);
        assert_eq!(found.id, expected, "{own} {others:?}");
        let next = found.next_step.unwrap();
        let alone = next.contains("ports that work also lose SYNs, so");
        assert_eq!(alone, expected == undecided, "{next}");
    }
}

#[test]
fn sessions_that_pass_alone_and_fail_beside_others_are_said_to_be_opened_alone() {
    let of = |paces: &[(Variation, Measurement)]| {
        let mut probe = silent();
        let all = paces.iter().cloned();
        let all = all.map(|(variation, measurement)| VariedSession {
            variation,
            measurement,
        });
        probe.variations = all.collect();
        let record = record("a", &[DIALLED], Vec::new());
        let found = judge(&with(&probe, &record));
        assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
        let alone = found.claim.contains("that were opened alone completed");
        (alone, found.next_step.unwrap().contains("and passed alone"))
    };
    let passes = || whole(SessionKind::Tcp);
    let beside = Variation::InPace { held: 3 };
    let twice = [(ALONE, passes()), (ALONE, passes())];
    let and = |other| [&twice[..], &[other]].concat();
    assert_eq!(of(&and((beside, silent()))), (true, true));
    assert_eq!(of(&and((beside, passes()))), (false, false));
    let mixed = [and((beside, silent())), vec![(AGAIN, passes())]].concat();
    assert_eq!(of(&mixed), (false, true));
    // Nothing passed alone.
    let at_once = [(AGAIN, passes()), (beside, silent())];
    assert_eq!(of(&at_once), (false, false));
}

#[test]
fn silence_is_dialled_slowly_although_only_the_control_port_answers() {
    let open = whole(SessionKind::Tls);
    let mut probe = silent();
    assert_eq!(lost_syns(&[probe.clone()], &open), [0]);
    assert_eq!(lost_syns(&[probe.clone()], &silent()), [0_usize; 0]);
    let early = flow(FlowRound::Early, DIALLED, FlowEnd::Unanswered);
    let works = control(open.port_dialled(), FlowEnd::Answered);
    probe.flows = vec![early, early, works];
    // This is what default deny looks like, so the pace is not to blame.
    assert_eq!(lost_syns(&[probe], &open), [0_usize; 0]);
}

#[test]
fn a_port_that_accepts_a_later_syn_is_not_dropped() {
    let mut probe = silent();
    let record = record("a", &[DIALLED], Vec::new());
    assert_eq!(judge(&with(&probe, &record)).id, VerdictId::Dropped);
    probe.variations.push(accepted_later());
    assert_eq!(judge(&with(&probe, &record)).id, VerdictId::Inconclusive);
}

#[test]
fn a_port_that_accepts_a_later_syn_does_not_lose_its_answers() {
    let mut probe = silent();
    probe.sighting = Some(told(vec![sighting(None, SightingEnd::HalfOpen)]));
    let record = record("a", &[DIALLED], Vec::new());
    assert_eq!(judge(&with(&probe, &record)).id, VerdictId::ReplyDropped);
    probe.variations.push(accepted_later());
    assert_eq!(judge(&with(&probe, &record)).id, VerdictId::Inconclusive);
}

const ALONE: Variation = Variation::InPace { held: 0 };

/// Returns a session at a slow pace that was accepted, and then silent.
fn accepted_later() -> VariedSession {
    VariedSession {
        variation: ALONE,
        measurement: ended(SessionKind::Tcp, super::End::NoData(SILENCE)),
    }
}

/// Returns the verdict on a silent port, if the SYNs after it to a port that works ended as `controls`.
fn beside(controls: [FlowEnd; 2], least_rtt_us: u64) -> VerdictId {
    let mut works = whole(SessionKind::Https);
    works.transport.as_mut().unwrap().least_rtt_us = Some(least_rtt_us);
    let mut probe = silent();
    probe.flows = controls
        .map(|end| control(works.port_dialled(), end))
        .to_vec();
    let record = record("a", &[DIALLED], Vec::new());
    let mut evidence = with(&probe, &record);
    evidence.same_server = vec![&probe, &works].into();
    judge(&evidence).id
}

fn control(port: u16, end: FlowEnd) -> Flow {
    Flow {
        start_us: 1_600_000,
        duration_us: 900_000,
        ..flow(FlowRound::Control, port, end)
    }
}

/// Returns a probe that got no answer, and of which the server saw nothing.
fn silent() -> Measurement {
    let mut probe = refused();
    for observation in &mut probe.observations {
        observation.failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
    }
    probe.sighting = Some(told(Vec::new()));
    probe
}
