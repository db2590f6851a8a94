//! Tests silent ports of a run in which this host sent too many SYNs: what may be said about such a port.

use super::instances::{DIALLED, record, refused, with};
use super::{SILENCE, ended, flow, judge, sighting, told, whole};
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

/// Returns a session at a slow pace that was accepted, and then silent.
fn accepted_later() -> VariedSession {
    VariedSession {
        variation: Variation::InPace { held: 0 },
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
