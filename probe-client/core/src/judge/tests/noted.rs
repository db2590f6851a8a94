//! Tests findings that occur only by chance between real hosts, or that no device in another test causes by itself.

use super::instances::refused;
use super::{End, Evidence, Variation, VariedSession, ended, evidence, findings, whole};
use crate::catalogue::FindingId;
use crate::comparison::next_round;
use crate::measurement::{
    Flow, FlowEnd, FlowRound, MatchedBy, Measurement, Sighting, SightingAnswer, SightingEnd,
};
use crate::observation::{Failure, FailureKind, Operation, Origin};
use crate::session_kind::SessionKind;

#[test]
fn a_limit_of_connections_is_told_from_one_of_their_pace() {
    let (alone, beside_three) = (0, 3);
    let noted = |beside: &[(u8, bool)]| {
        let mut probe = silent();
        let twice_alone = [(alone, true); 2];
        let all = twice_alone.iter().chain(beside);
        probe.variations = all.map(|(held, whole)| paced(*held, *whole)).collect();
        probe.flows = side_connections(&probe, 8);
        ids(&probe)
    };
    assert_eq!(
        noted(&[(beside_three, true)]),
        [FindingId::SynRateLimit],
        "many at once are lost, and held ones do not matter"
    );
    assert_eq!(
        noted(&[(beside_three, false)]),
        [FindingId::ConnectionLimit],
        "one more than are open is lost"
    );
    assert_eq!(noted(&[]), [], "nobody has held any");
    assert_eq!(noted(&[(alone, false)]), [], "alone it is lost as well");
}

#[test]
fn a_pace_is_not_blamed_if_fewer_could_be_held_open_than_were_dialled_together() {
    let noted = |held: u8| {
        let mut probe = silent();
        probe.variations = [(0, true), (0, true), (held, true)]
            .map(|(held, whole)| paced(held, whole))
            .into();
        probe.flows = side_connections(&probe, 8);
        let others = [whole(SessionKind::Tcp), whole(SessionKind::Tls)];
        let evidence = Evidence {
            same_server: vec![&probe, &others[0], &others[1]].into(),
            ..evidence(&probe)
        };
        let all = findings(&evidence);
        all.iter().any(|f| f.id == FindingId::SynRateLimit)
    };
    assert!(noted(3));
    // Only two were held open, fewer than were dialled together, so a limit on their number would look the same.
    assert!(!noted(2));
}

#[test]
fn no_limit_is_claimed_that_chance_explains() {
    let noted = |lost: u16| {
        let mut probe = ended(SessionKind::Https, End::Whole);
        probe.transport.as_mut().unwrap().syn_retransmissions = Some(1);
        probe.variations = [(0, true), (0, true), (3, true)]
            .map(|(held, whole)| paced(held, whole))
            .into();
        probe.flows = side_connections(&probe, lost);
        findings(&evidence(&probe))
            .into_iter()
            .find(|f| f.id == FindingId::SynRateLimit)
    };
    assert_eq!(noted(0), None, "one lost SYN, and four that pass: 1 in 3");
    let detail = noted(8).unwrap().detail.unwrap();
    assert!(detail.contains("9 of 10 SYNs"), "{detail}");
    assert!(
        detail.contains("odds that chance separates them like this are 1 in"),
        "{detail}"
    );
    // Slow SYNs that pass on another port say nothing about this port.
    let mut probe = ended(SessionKind::Https, End::Whole);
    probe.transport.as_mut().unwrap().syn_retransmissions = Some(1);
    probe.flows = side_connections(&probe, 8);
    probe.flows.retain(|flow| flow.round == FlowRound::AtOnce);
    let mut other = probe.clone();
    other.variations = [(0, true); 5]
        .map(|(held, whole)| paced(held, whole))
        .into();
    let evidence = Evidence {
        same_server: vec![&probe, &other].into(),
        ..evidence(&probe)
    };
    assert!(
        !findings(&evidence)
            .iter()
            .any(|f| f.id == FindingId::SynRateLimit)
    );
}

#[test]
fn a_client_hello_is_blocked_only_where_sessions_run_whole_each_time() {
    let noted = |fresh: &[End]| {
        let mut probe = ended(SessionKind::Https, End::Whole);
        let compared = |variation, end| VariedSession {
            variation,
            measurement: at_handshake(ended(SessionKind::Https, end)),
        };
        let lost = || compared(Variation::InHelloSize, End::NoData(FailureKind::Reset));
        probe.variations = vec![lost(), lost()];
        let next = next_round(&probe);
        assert_eq!(
            next.len(),
            4,
            "three like the first, and the hello once more: {next:?}"
        );
        let fresh = fresh.iter();
        probe
            .variations
            .extend(fresh.map(|end| compared(Variation::InNothing, *end)));
        probe.variations.push(lost());
        ids(&probe).contains(&FindingId::LargeHelloBlocked)
    };
    let died = End::NoData(FailureKind::Reset);
    assert!(noted(&[End::Whole; 3]));
    assert!(!noted(&[End::Whole, died, End::Whole]));
    assert!(!noted(&[]), "not yet known");
}

#[test]
fn a_client_hello_that_arrived_as_another_is_noted() {
    let noted = |unaltered: Option<bool>, altered_within: Option<u32>| {
        let mut probe = at_handshake(ended(SessionKind::Https, End::NoData(FailureKind::Reset)));
        probe.sighting = Some(SightingAnswer {
            sightings: vec![Sighting {
                matched_by: MatchedBy::Address,
                peer: None,
                bytes_received: 517,
                bytes_sent: 0,
                end: SightingEnd::PeerReset,
                tls_error: None,
                unaltered_prefix: 0,
                altered_within,
                client_hello_unaltered: unaltered,
            }],
            unattributed: false,
            unasked: false,
            sees_half_open: true,
            sees_every_syn: false,
            answers_refused: None,
        });
        ids(&probe)
    };
    assert_eq!(noted(Some(false), None), [FindingId::TlsHelloAltered]);
    assert_eq!(noted(None, Some(64)), [FindingId::TlsHelloAltered]);
    assert_eq!(noted(Some(true), None), []);
    assert_eq!(noted(None, None), []);
}

/// Returns the probe with its failure moved to the TLS handshake.
fn at_handshake(mut probe: Measurement) -> Measurement {
    for observation in &mut probe.observations {
        if observation.failure.is_some() {
            observation.operation = Operation::TlsHandshake;
        }
    }
    probe
}

fn ids(probe: &Measurement) -> Vec<FindingId> {
    findings(&evidence(probe)).iter().map(|f| f.id).collect()
}

fn silent() -> Measurement {
    let mut probe = refused();
    for observation in &mut probe.observations {
        if let Some(failure) = &mut observation.failure {
            failure.kind = FailureKind::TimedOut;
        }
    }
    probe
}

/// Returns `lost` side connections that were opened at once and lost, and two slow ones that were answered.
fn side_connections(probe: &Measurement, lost: u16) -> Vec<Flow> {
    let flow = |round, source_port, end| Flow {
        source_port,
        start_us: 0,
        duration_us: 1_000,
        ..super::flow(round, probe.port_dialled(), end)
    };
    let at_once = (0..lost).map(|n| flow(FlowRound::AtOnce, 40_000 + n, FlowEnd::Unanswered));
    let slowly = (0..2).map(|n| flow(FlowRound::Fresh, 50_000 + n, FlowEnd::Answered));
    at_once.chain(slowly).collect()
}

fn paced(held: u8, whole: bool) -> VariedSession {
    VariedSession {
        variation: Variation::InPace { held },
        measurement: if whole {
            ended(SessionKind::Tcp, End::Whole)
        } else {
            silent()
        },
    }
}

#[test]
fn segments_that_overtake_each_other_are_not_told_as_lost() {
    let noted = |lost: u32, needless: u32, overtaken: u32| {
        let mut probe = whole(SessionKind::Tcp);
        let transport = probe.transport.as_mut().unwrap();
        transport.retransmissions = Some(lost);
        transport.duplicates_reported = Some(needless);
        transport.reorderings_seen = Some(overtaken);
        let noted = ids(&probe);
        let has = |id| noted.contains(&id);
        (has(FindingId::Loss), has(FindingId::Reordering))
    };
    assert_eq!(noted(2, 12, 30), (false, true));
    assert_eq!(noted(0, 0, 4), (false, false));
    // Needless repeats alone come from a busy host, or from a network that duplicates packets.
    assert_eq!(noted(0, 9, 0), (false, false));
    assert_eq!(noted(3, 0, 0), (true, false));
    assert_eq!(noted(20, 2, 1), (true, false));
}

#[test]
fn what_an_interrupted_session_sent_again_is_no_loss() {
    let noted = |kind| {
        let mut probe = whole(SessionKind::Tcp);
        probe.session.as_mut().unwrap().farewell = None;
        probe.transport.as_mut().unwrap().retransmissions = Some(14);
        let last = probe.observations.last_mut().unwrap();
        last.failure = Some(Failure::new(kind, Origin::ThisHost));
        ids(&probe).contains(&FindingId::Loss)
    };
    assert!(!noted(FailureKind::Interrupted));
    assert!(noted(FailureKind::TimedOut));
}

#[test]
fn a_source_is_called_blocked_only_where_a_port_that_worked_stays_silent() {
    let noted = |ends: &[FlowEnd], paces: &[VariedSession]| {
        let mut probe = silent();
        let works = whole(SessionKind::Https).port_dialled();
        let at_the_end = |(n, end): (u16, &FlowEnd)| Flow {
            source_port: 40_000 + n,
            ..super::flow(FlowRound::AtTheEnd, works, *end)
        };
        probe.flows = (0..).zip(ends).map(at_the_end).collect();
        probe.variations = paces.to_vec();
        let evidence = Evidence {
            same_server: vec![&probe].into(),
            ..evidence(&probe)
        };
        let all = findings(&evidence);
        all.iter().any(|f| f.id == FindingId::SourceBlocked)
    };
    use FlowEnd::{Answered, Unanswered};
    assert!(noted(&[Unanswered, Unanswered], &[]));
    // One connection may be lost by chance.
    assert!(!noted(&[Unanswered], &[]));
    assert!(!noted(&[Unanswered, Answered], &[]));
    // A limit that still counts the connections of the slow dials explains the silence.
    assert!(!noted(&[Unanswered, Unanswered], &[paced(0, false)]));
}
