//! Tests several instances of the server behind one address: what one of them says does not count for all.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{End, RESET, ended, evidence, findings, judge, told};
use crate::catalogue::{FindingId, VerdictId};
use crate::control_record::{ControlOutcome, ControlRecord, ListenerState, ServerDescription};
use crate::judge::Evidence;
use crate::measurement::{Measurement, SightingAnswer, Variation, VariedSession};
use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::path::NetworkPath;
use crate::session_kind::SessionKind;
use crate::verdict::{Confidence, Verdict};

#[test]
fn a_refused_connection_is_laid_to_the_instance_that_lacks_the_port() {
    let everywhere = record("a", &[DIALLED], vec![instance("b", &[DIALLED])]);
    assert_eq!(verdict(&refused(), &everywhere).id, VerdictId::Rejected);
    let nowhere = record("a", &[80], vec![instance("b", &[80])]);
    assert_eq!(verdict(&refused(), &nowhere).id, VerdictId::NotListening);
    let on_one = record("a", &[DIALLED], vec![instance("b", &[80])]);
    let found = verdict(&refused(), &on_one);
    assert_eq!(found.id, VerdictId::NotListening);
    assert!(
        found.claim.ends_with("refused the connection: b"),
        "{}",
        found.claim
    );
}

#[test]
fn an_instance_that_nobody_asked_may_be_the_one() {
    let mut record = record("a", &[DIALLED], Vec::new());
    record.unasked = vec!["b".to_owned()];
    assert_eq!(verdict(&refused(), &record).id, VerdictId::Inconclusive);
    let found = verdict(&no_data(unseen(true)), &record);
    assert_eq!(found.id, VerdictId::Inconclusive);
    let next = found.next_step.unwrap();
    assert!(next.contains("--host"), "{next}");
    let probe = no_data(unseen(true));
    let noted = findings(&with(&probe, &record));
    let noted = noted.iter().find(|f| f.id == FindingId::InstanceNotAsked);
    let detail = noted.unwrap().detail.clone().unwrap();
    assert_eq!(detail, "not asked: b; asked: a");
}

#[test]
fn a_handshake_that_no_instance_saw_is_a_middlebox_whatever_they_listen_on() {
    let both = record("a", &[DIALLED], vec![instance("b", &[DIALLED])]);
    let found = verdict(&no_data(unseen(false)), &both);
    assert_eq!(found.id, VerdictId::AnsweredByMiddlebox);
    let on_one = record("a", &[DIALLED], vec![instance("b", &[80])]);
    let found = verdict(&no_data(unseen(false)), &on_one);
    assert_eq!(found.id, VerdictId::AnsweredByMiddlebox);
    assert!(
        found.claim.ends_with("it is missing on b"),
        "{}",
        found.claim
    );
}

#[test]
fn a_connection_that_no_instance_recognised_is_laid_to_the_port_that_one_lacks() {
    let unsure = SightingAnswer {
        unattributed: true,
        ..unseen(false)
    };
    let mut probe = no_data(unsure);
    let again = |end| VariedSession {
        variation: Variation::InNothing,
        measurement: ended(SessionKind::Tcp, end),
    };
    probe.variations = vec![
        again(End::Whole),
        again(End::NoData(RESET)),
        again(End::Whole),
    ];
    let on_one = record("a", &[DIALLED], vec![instance("b", &[80])]);
    let found = verdict(&probe, &on_one);
    assert_eq!(found.id, VerdictId::AnsweredByMiddlebox, "{}", found.claim);
    assert_eq!(found.confidence, Confidence::Low);
    let both = record("a", &[DIALLED], vec![instance("b", &[DIALLED])]);
    assert_eq!(verdict(&probe, &both).id, VerdictId::ReachableWithLoss);
}

#[test]
fn a_port_that_one_lacks_is_noted_beside_a_session_that_another_served() {
    let probe = ended(SessionKind::Https, End::Whole);
    let port = probe.port_dialled();
    for (others, is_noted) in [(vec![80], true), (vec![80, port], false)] {
        let record = record("a", &[port], vec![instance("b", &others)]);
        assert_eq!(verdict(&probe, &record).id, VerdictId::Reachable);
        let noted = findings(&with(&probe, &record));
        let noted = noted
            .iter()
            .any(|f| f.id == FindingId::PortNotOnEveryInstance);
        assert_eq!(noted, is_noted);
    }
}

#[test]
fn an_instance_that_does_not_know_the_key_is_no_fault_of_the_path() {
    let refuses = ControlOutcome::KeyRefused { port: 443 };
    let record = record("a", &[DIALLED], vec![refuses]);
    let found = verdict(&no_data(unseen(true)), &record);
    assert_eq!(found.id, VerdictId::ServerRefused);
    let mut seen_by_others = unseen(true);
    seen_by_others.unattributed = true;
    let found = verdict(&no_data(seen_by_others), &record);
    assert_eq!(found.id, VerdictId::Inconclusive);
}

#[test]
fn that_the_control_service_is_full_explains_no_session() {
    let mut full = record("a", &[DIALLED], Vec::new());
    full.outcome = ControlOutcome::Declined {
        port: 443,
        text: "no more control connections".to_owned(),
    };
    let found = verdict(&ended(SessionKind::Tcp, End::NoData(RESET)), &full);
    assert_eq!(found.id, VerdictId::Inconclusive, "{}", found.claim);
}

fn verdict(probe: &Measurement, record: &ControlRecord) -> Verdict {
    judge(&with(probe, record))
}

pub(super) fn with<'a>(probe: &'a Measurement, record: &'a ControlRecord) -> Evidence<'a> {
    Evidence {
        control: Some(record),
        ..evidence(probe)
    }
}

pub(super) fn record(first: &str, ports: &[u16], others: Vec<ControlOutcome>) -> ControlRecord {
    ControlRecord {
        host: "echo.example.org".to_owned(),
        address: Some(SERVER),
        path: NetworkPath::Direct,
        outcome: instance(first, ports),
        others,
        unasked: Vec::new(),
        observations: Vec::new(),
    }
}

fn instance(name: &str, ports: &[u16]) -> ControlOutcome {
    let listener = |port: &u16| ListenerState {
        address: SocketAddr::new(SERVER, *port),
        public_port: None,
        bound: true,
    };
    ControlOutcome::Reached {
        port: 443,
        description: ServerDescription {
            version: "1".to_owned(),
            instance: name.to_owned(),
            listeners: ports.iter().map(listener).collect(),
            your_address: None,
            sees_half_open: true,
            sees_every_syn: false,
            clock_offset_ms: 0,
            round_trip_us: 1,
            began_us: None,
        },
    }
}

pub(super) fn refused() -> Measurement {
    let mut probe = ended(SessionKind::Tcp, End::NoData(RESET));
    probe.address = Some(SocketAddr::new(SERVER, DIALLED));
    probe.session = None;
    probe.observations = vec![Observation {
        operation: Operation::Connect,
        target: "198.51.100.7:5901".to_owned(),
        start_us: 0,
        duration_us: 20_000,
        failure: Some(Failure::new(FailureKind::Refused, Origin::Peer)),
    }];
    probe
}

fn no_data(answer: SightingAnswer) -> Measurement {
    let mut probe = ended(SessionKind::Tcp, End::NoData(RESET));
    probe.address = Some(SocketAddr::new(SERVER, DIALLED));
    probe.sighting = Some(answer);
    probe
}

fn unseen(unasked: bool) -> SightingAnswer {
    SightingAnswer {
        unasked,
        ..told(Vec::new())
    }
}

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
pub(super) const DIALLED: u16 = 5901;
