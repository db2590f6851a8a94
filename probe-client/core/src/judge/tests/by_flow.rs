//! Tests faults that depend on the source port: what side connections may show, and what they must never show.

use proptest::prelude::*;

use super::{AGAIN, End, ended, evidence, verdict};
use crate::catalogue::VerdictId;
use crate::flow::FlowAccount;
use crate::measurement::{
    Flow, FlowEnd, FlowRound, Measurement, Redial, SightingEnd, VariedSession,
};
use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::session_kind::SessionKind;

const ANSWERED: FlowEnd = FlowEnd::Answered;
const SILENT: FlowEnd = FlowEnd::Unanswered;
const STUCK: FlowEnd = FlowEnd::Stuck;

fn flow(round: FlowRound, source_port: u16, end: FlowEnd) -> Flow {
    Flow {
        round,
        port: 443,
        source_port,
        start_us: 0,
        duration_us: 1_000,
        // A connection that is dialled again slowly sends two SYNs.
        syns_sent_again: u32::from(end == SILENT && round == FlowRound::Again),
        bytes_written: 300,
        segments_sent_again: if end == STUCK { 4 } else { 0 },
        end,
    }
}

fn beside(own: Measurement, flows: &[(FlowRound, u16, FlowEnd)]) -> Measurement {
    let port = own.port_dialled();
    let all = flows.iter().map(|(round, source, end)| Flow {
        port,
        ..flow(*round, *source, *end)
    });
    Measurement {
        flows: all.collect(),
        ..own
    }
}

fn whole() -> Measurement {
    ended(SessionKind::Https, End::Whole)
}

/// Returns a probe whose SYNs all got no answer.
fn silent() -> Measurement {
    let mut probe = whole();
    probe.session = None;
    probe.transport = None;
    probe.observations = vec![Observation {
        operation: Operation::Connect,
        target: "198.51.100.7:443".to_owned(),
        start_us: 0,
        duration_us: 3_500_000,
        failure: Some(Failure::new(FailureKind::TimedOut, Origin::Unknown)),
    }];
    probe
}

/// Returns eleven side connections, the first `dead` of which fail, and then slow ones: `again` from the same source
/// ports, and `fresh` from new ones.
fn dialled(dead: u16, again: FlowEnd, fresh: FlowEnd) -> Vec<(FlowRound, u16, FlowEnd)> {
    let fails = if again == STUCK { STUCK } else { SILENT };
    let first = (0..11).map(|n| {
        let end = if n < dead { fails } else { ANSWERED };
        (FlowRound::AtOnce, 40_000 + n, end)
    });
    let again = (0..3).map(|n| (FlowRound::Again, 40_000 + n % dead.max(1), again));
    let fresh = (0..4).map(|n| (FlowRound::Fresh, 50_000 + n, fresh));
    first.chain(again).chain(fresh).collect()
}

#[test]
fn source_ports_that_stay_silent_beside_others_are_a_fault_by_flow() {
    for dead in [1, 3] {
        let found = verdict(&beside(whole(), &dialled(dead, SILENT, ANSWERED)));
        assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
        let rate = format!("{dead} of 12 connections from different source ports got no answer");
        assert!(found.claim.contains(&rate), "{}", found.claim);
        let evidence = found.evidence.join("\n");
        assert!(
            evidence.contains("source ports that fail: 40000"),
            "{evidence}"
        );
        assert!(evidence.contains("are 1 in 210"), "{evidence}");
    }
}

#[test]
fn no_list_of_source_ports_is_empty() {
    for probe in [
        beside(whole(), &dialled(11, SILENT, SILENT)),
        beside(whole(), &dialled(11, STUCK, SILENT)),
    ] {
        let found = verdict(&probe);
        let empty = found
            .evidence
            .iter()
            .find(|fact| fact.trim_end().ends_with(':'));
        assert_eq!(empty, None, "{}", found.claim);
    }
}

#[test]
fn source_ports_that_lose_all_data_beside_others_are_a_fault_by_flow() {
    let found = verdict(&beside(whole(), &dialled(2, STUCK, ANSWERED)));
    assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
    let rate =
        "2 of 12 connections from different source ports were opened and then lost what followed";
    assert!(found.claim.contains(rate), "{}", found.claim);
    // Segments that a connection sends again within a second count as one.
    let evidence = found.evidence.join("\n");
    assert!(evidence.contains("are 1 in 210"), "{evidence}");
}

#[test]
fn one_connection_lost_midway_may_have_left_state_that_keeps_its_source_port_dead() {
    let found = verdict(&beside(whole(), &dialled(1, STUCK, ANSWERED)));
    assert_eq!(found.id, VerdictId::Reachable, "{}", found.claim);
}

#[test]
fn a_session_that_met_the_bad_source_port_is_no_inspection() {
    let mut probe = beside(
        ended(SessionKind::Https, End::NoData(FailureKind::TimedOut)),
        &dialled(3, STUCK, ANSWERED),
    );
    probe.variations = [End::Whole, End::NoData(FailureKind::TimedOut), End::Whole]
        .map(|end| VariedSession {
            variation: AGAIN,
            measurement: ended(SessionKind::Https, end),
        })
        .to_vec();
    let found = verdict(&probe);
    assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
    assert!(
        found.claim.contains("4 of 12 connections"),
        "{}",
        found.claim
    );
    // Without side connections, the verdict does not mention source ports.
    probe.flows.clear();
    let found = verdict(&probe);
    assert!(
        found.claim.contains("the first session failed"),
        "{}",
        found.claim
    );
}

#[test]
fn loss_that_does_not_stay_with_its_source_port_is_no_fault_by_flow() {
    let one = verdict(&beside(whole(), &dialled(1, ANSWERED, ANSWERED)));
    assert_eq!(one.id, VerdictId::Reachable, "{}", one.claim);
    let three = verdict(&beside(whole(), &dialled(3, ANSWERED, ANSWERED)));
    assert_eq!(three.id, VerdictId::ReachableWithLoss, "{}", three.claim);
    assert!(three.claim.contains("loses SYNs"), "{}", three.claim);
    assert!(!three.claim.contains("parallel links"), "{}", three.claim);
}

#[test]
fn connections_lost_only_beside_others_are_told_with_what_may_limit_them() {
    let limited = verdict(&beside(whole(), &dialled(9, ANSWERED, ANSWERED)));
    assert_eq!(limited.id, VerdictId::ReachableWithLoss);
    let claimed = "when several connections are opened at once: 9 of 12 got no answer";
    assert!(limited.claim.contains(claimed), "{}", limited.claim);
    let next = limited.next_step.unwrap();
    assert!(next.contains("no source port free"), "{next}");
}

#[test]
fn source_ports_that_pass_when_dialled_again_are_not_asked_about_as_links() {
    let next = |probe: &Measurement| {
        let found = verdict(probe);
        assert_eq!(found.id, VerdictId::ReachableWithLoss, "{}", found.claim);
        found.next_step.unwrap()
    };
    let listed = "(source ports 40000, 40001, 40002)";
    // The same SYN passes when the kernel repeats it.
    let mut late = beside(whole(), &dialled(0, ANSWERED, ANSWERED)[..11]);
    for flow in &mut late.flows[..3] {
        flow.syns_sent_again = 1;
    }
    // A new SYN from the same source port passes.
    let again = beside(whole(), &dialled(3, ANSWERED, ANSWERED));
    for probe in [&late, &again] {
        let step = next(probe);
        assert!(step.contains(listed), "{step}");
        assert!(!step.contains("parallel links"), "{step}");
    }
    // Of these, some never pass.
    let dead = next(&beside(whole(), &dialled(3, SILENT, SILENT)));
    assert!(dead.contains("parallel links"), "{dead}");
    // The source port of the first session never passed.
    late.redial = Some(Redial::SourcePort);
    let redialled = next(&late);
    assert!(redialled.contains("parallel links"), "{redialled}");
}

#[test]
fn the_source_port_of_a_session_that_failed_is_not_said_to_pass() {
    let own_passes = |probe: Measurement| {
        let found = verdict(&probe);
        let mut facts = found.evidence.iter();
        let passing = facts.find(|fact| fact.starts_with("source ports that pass"));
        passing.unwrap().contains("besides the session's own")
    };
    let flows = dialled(3, SILENT, ANSWERED);
    assert!(own_passes(beside(whole(), &flows)));
    assert!(!own_passes(beside(silent(), &flows)));
}

#[test]
fn where_nothing_is_answered_any_more_source_ports_are_not_blamed() {
    let probe = beside(whole(), &dialled(3, SILENT, SILENT));
    assert!(!FlowAccount::of(&probe).unwrap().shows_a_fault_by_flow());
}

#[test]
fn a_clean_port_says_how_many_were_opened_and_what_that_would_have_found() {
    let found = verdict(&beside(whole(), &dialled(0, ANSWERED, ANSWERED)[..11]));
    assert_eq!(found.id, VerdictId::Reachable);
    let told = found.evidence.join("\n");
    assert!(told.contains("12 of 12 connections"), "{told}");
    assert!(told.contains("one flow in four are 96.8 %"), "{told}");
}

#[test]
fn the_border_between_source_ports_is_told_where_there_is_one() {
    let low = |n: u16| (FlowRound::AtOnce, 33_000 + n * 1_000, SILENT);
    let high = |n: u16| (FlowRound::AtOnce, 47_000 + n * 1_000, ANSWERED);
    let parted: Vec<_> = (0..5).map(low).chain((0..6).map(high)).collect();
    let account = FlowAccount::of(&beside(whole(), &parted)).unwrap();
    assert_eq!(account.border(), Some((true, 37_000, 47_000)));
    let mut mixed = parted;
    mixed[0].2 = ANSWERED;
    let account = FlowAccount::of(&beside(whole(), &mixed)).unwrap();
    assert_eq!(account.border(), None);
}

proptest! {
    /// The port is not called dropped while connections pass, whatever the server saw of them.
    #[test]
    fn a_port_is_never_dropped_while_flows_pass(
        ends in prop::collection::vec(any::<bool>(), 3),
        seen in prop::option::of(any::<bool>()),
        again in prop::option::of(any::<bool>()),
    ) {
        let early = ends.iter().zip(40_000..).map(|(passes, source)| {
            (FlowRound::Early, source, if *passes { ANSWERED } else { SILENT })
        });
        let mut probe = beside(silent(), &early.collect::<Vec<_>>());
        probe.sighting = seen.map(|half_open| {
            let end = if half_open { SightingEnd::HalfOpen } else { SightingEnd::PeerClosed };
            super::told(vec![super::sighting(None, end)])
        });
        probe.variations = again.into_iter().map(|passes| VariedSession {
            variation: AGAIN,
            measurement: if passes { whole() } else { silent() },
        }).collect();
        let works = whole();
        let evidence = super::Evidence { same_server: vec![&probe, &works].into(), ..evidence(&probe) };
        let found = super::judge(&evidence);
        if ends.contains(&true) {
            let expected = if again == Some(true) {
                VerdictId::ReachableWithLoss
            } else {
                VerdictId::Inconclusive
            };
            prop_assert_eq!(found.id, expected, "{}", found.claim);
        }
    }
}
