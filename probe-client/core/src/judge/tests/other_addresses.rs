//! Tests what SYNs lost at one address of a server show about another address, and what connections to a proxy show
//! about each other.

use super::instances::{DIALLED, record};
use super::{evidence, flow, judge, told, whole};
use crate::catalogue::VerdictId;
use crate::control_record::ControlRecord;
use crate::judge::Evidence;
use crate::measurement::{
    AnswersRefused, FlowEnd, FlowRound, Measurement, SightingAnswer, Variation, VariedSession,
};
use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::path::NetworkPath;
use crate::session_kind::SessionKind;
use crate::verdict::Verdict;

/// Returns a probe that did not connect: `operation` got no answer.
fn silent(operation: Operation) -> Measurement {
    let mut silent = whole(SessionKind::Tcp);
    silent.observations = vec![Observation {
        operation,
        target: "198.51.100.7:443".to_owned(),
        start_us: 0,
        duration_us: 3_500_000,
        failure: Some(Failure::new(FailureKind::TimedOut, Origin::Unknown)),
    }];
    silent.address = Some(([198, 51, 100, 7], DIALLED).into());
    silent.session = None;
    silent.transport = None;
    silent
}

/// Returns the answer of a server that saw no SYN, and whose host refused no answer.
fn nothing_arrived() -> SightingAnswer {
    let mut answer = told(Vec::new());
    answer.answers_refused = Some(AnswersRefused {
        counted: 0,
        own_syns: 3,
    });
    answer
}

/// Returns a probe that got no answer while many ports were dialled, and ran whole at a slow pace.
fn limited() -> Measurement {
    passing_later(Variation::InPace { held: 0 })
}

fn passing_later(variation: Variation) -> Measurement {
    let mut limited = silent(Operation::Connect);
    limited.variations = vec![VariedSession {
        variation,
        measurement: whole(SessionKind::Tcp),
    }];
    limited
}

/// Returns a session that ran whole. Its side connections were lost if opened together, and answered if opened one
/// after another.
fn losing_at_a_pace() -> Measurement {
    let mut works = whole(SessionKind::Tcp);
    let port = works.port_dialled();
    let lost = vec![flow(FlowRound::AtOnce, port, FlowEnd::Unanswered); 8];
    let answered = vec![flow(FlowRound::Fresh, port, FlowEnd::Answered); 7];
    works.flows = [lost, answered].concat();
    works
}

/// Returns the same session with another address of the server.
fn elsewhere(session: &Measurement) -> Measurement {
    let mut session = session.clone();
    let address = session.address.as_mut().unwrap();
    address.set_ip([203, 0, 113, 99].into());
    session
}

fn beside(probe: &Measurement, other_address: &Measurement) -> Verdict {
    judge(&Evidence {
        same_host: [&elsewhere(other_address)].into(),
        ..evidence(probe)
    })
}

#[test]
fn a_server_is_not_unreachable_while_its_other_address_loses_syns_by_their_number() {
    let probe = silent(Operation::Connect);
    let found = beside(&probe, &whole(SessionKind::Tcp));
    assert_eq!(found.id, VerdictId::ServerUnreachable);
    for loses in [limited(), losing_at_a_pace()] {
        let found = beside(&probe, &loses);
        assert_eq!(found.id, VerdictId::Inconclusive);
        assert!(found.next_step.unwrap().contains("--ipv6"));
    }
}

#[test]
fn the_servers_word_makes_no_drop_while_its_other_address_loses_syns() {
    let mut probe = silent(Operation::Connect);
    probe.sighting = Some(nothing_arrived());
    let control = record("a", &[DIALLED], Vec::new());
    let of = |other: &Measurement| {
        judge(&Evidence {
            same_host: [&elsewhere(other)].into(),
            control: Some(&control),
            ..evidence(&probe)
        })
        .id
    };
    assert_eq!(of(&whole(SessionKind::Tcp)), VerdictId::Dropped);
    assert_eq!(of(&limited()), VerdictId::Inconclusive);
    assert_eq!(of(&losing_at_a_pace()), VerdictId::Inconclusive);
    let later = passing_later(Variation::InNothing);
    assert_eq!(of(&later), VerdictId::Inconclusive);
}

#[test]
fn a_proxy_is_not_unreachable_while_this_hosts_syns_are_lost_by_their_number() {
    let mut probe = silent(Operation::ProxyConnect);
    probe.path = "socks5h://10.0.0.1:1080".parse().unwrap();
    let of = |other: &Measurement| {
        judge(&Evidence {
            same_host: [other].into(),
            ..evidence(&probe)
        })
        .id
    };
    assert_eq!(of(&whole(SessionKind::Tcp)), VerdictId::ProxyUnreachable);
    assert_eq!(of(&limited()), VerdictId::Inconclusive);
    assert_eq!(of(&losing_at_a_pace()), VerdictId::Inconclusive);
}

#[test]
fn a_proxy_that_takes_other_connections_is_not_unreachable() {
    let path: NetworkPath = "socks5h://10.0.0.1:1080".parse().unwrap();
    let through = |mut m: Measurement| {
        m.path = path.clone();
        m
    };
    let probe = through(silent(Operation::ProxyConnect));
    assert_eq!(judge(&evidence(&probe)).id, VerdictId::ProxyUnreachable);
    let mut taken = through(whole(SessionKind::Tcp));
    taken.observations.insert(
        0,
        Observation {
            operation: Operation::ProxyConnect,
            target: "10.0.0.1:1080".to_owned(),
            start_us: 0,
            duration_us: 1_000,
            failure: None,
        },
    );
    let found = judge(&Evidence {
        same_server: vec![&probe, &taken].into(),
        ..evidence(&probe)
    });
    assert_eq!(found.id, VerdictId::Inconclusive);
    assert!(
        found.claim.contains("takes other connections"),
        "{}",
        found.claim
    );
}

#[test]
fn the_servers_word_makes_no_drop_while_a_proxy_takes_only_some_connections() {
    let path: NetworkPath = "socks5h://10.0.0.1:1080".parse().unwrap();
    let mut probe = silent(Operation::Connect);
    probe.sighting = Some(nothing_arrived());
    let mut control = record("a", &[DIALLED], Vec::new());
    let mut taken = whole(SessionKind::Tcp);
    taken.observations[0].operation = Operation::ProxyConnect;
    let mut lost = silent(Operation::ProxyConnect);
    for measured in [&mut taken, &mut lost] {
        measured.path = path.clone();
    }
    let of = |others: &[&Measurement], works: &[&Measurement], control: &ControlRecord| {
        let same_server: Vec<_> = [&[&probe], works].concat();
        judge(&Evidence {
            same_host: others.to_vec().into(),
            same_server: same_server.into(),
            control: Some(control),
            ..evidence(&probe)
        })
        .id
    };
    assert_eq!(of(&[&taken], &[], &control), VerdictId::Dropped);
    assert_eq!(of(&[&lost], &[], &control), VerdictId::Dropped);
    assert_eq!(of(&[&taken, &lost], &[], &control), VerdictId::Inconclusive);
    // A port that works on the direct path, and loses nothing, shows that no limit applies there.
    let direct = whole(SessionKind::Https);
    assert_eq!(
        of(&[&taken, &lost], &[&direct], &control),
        VerdictId::Dropped
    );
    // A port that worked first and then left the control session unanswered does not show that.
    control.observations.push(Observation {
        operation: Operation::Control,
        target: direct.address.unwrap().to_string(),
        start_us: 0,
        duration_us: 6_000_000,
        failure: Some(Failure::new(FailureKind::TimedOut, Origin::Unknown)),
    });
    let lost_control = of(&[&taken, &lost], &[&direct], &control);
    assert_eq!(lost_control, VerdictId::Inconclusive);
}
