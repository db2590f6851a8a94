//! Tests ports that accept the connection, after which nothing comes from the server.

use super::{
    AGAIN, AS_TCP, End, RESET, SILENCE, ended, evidence, judge, probe, sighting, told, whole,
};
use crate::catalogue::VerdictId;
use crate::judge::Evidence;
use crate::measurement::{Measurement, SightingEnd, Variation};
use crate::observation::FailureKind;
use crate::session_kind::SessionKind;
use crate::verdict::{Segment, Verdict};

#[test]
fn a_host_acknowledges_whatever_its_process_does() {
    let of = |acknowledged: [Option<u64>; 2]| {
        let all = acknowledged.map(unanswered);
        let same_server = all.iter().collect();
        let found = judge(&Evidence {
            same_server,
            ..evidence(&all[0])
        });
        found.id
    };
    // The acknowledged bytes include the SYN.
    assert_eq!(of([Some(1), Some(1)]), VerdictId::PayloadDropped);
    assert_eq!(of([Some(1), Some(1033)]), VerdictId::ServerSilent);
    assert_eq!(of([Some(1), None]), VerdictId::ServerSilent);
}

/// Returns a session whose first bytes are sent again and again.
fn unanswered(acknowledged: Option<u64>) -> Measurement {
    let mut measurement = ended(SessionKind::Tcp, End::NoData(SILENCE));
    let transport = measurement.transport.as_mut().unwrap();
    transport.bytes_acknowledged = acknowledged;
    transport.unacknowledged_segments = Some(u32::from(acknowledged == Some(1)));
    measurement
}

#[test]
fn who_answers_a_connection_that_the_server_has_accepted_stands_on_the_way() {
    let mut probe = ended(SessionKind::Tcp, End::NoData(FailureKind::Foreign));
    let elsewhere = judge(&evidence(&probe));
    assert_eq!(elsewhere.id, VerdictId::AnsweredByStranger);
    assert_eq!(elsewhere.segment, Segment::Unknown);
    probe.sighting = Some(told(vec![sighting(None, SightingEnd::PeerReset)]));
    let on_the_way = judge(&evidence(&probe));
    assert_eq!(on_the_way.id, VerdictId::AnsweredByStranger);
    assert_eq!(on_the_way.segment, Segment::PATH);
    let next = on_the_way.next_step.unwrap();
    assert!(next.contains("in the server's place"), "{next}");
}

#[test]
fn the_protocol_is_suspected_unless_other_kinds_of_session_fail_too() {
    let (again, as_tcp) = ((AGAIN, MUTE), (AS_TCP, MUTE));
    for variations in [&[][..], &[again, again], &[again, (AS_TCP, End::Whole)]] {
        let found = seen(MUTE, variations, (0, 0));
        let next = found.next_step.unwrap();
        assert!(next.contains("stops HTTPS sessions in TCP from"), "{next}");
        assert!(!next.contains("whatever the protocol"), "{next}");
    }
    let found = seen(MUTE, &[again, again, as_tcp], (0, 0));
    let next = found.next_step.unwrap();
    for words in [
        "which device drops packets of TCP from",
        "on the way to the server, whatever the protocol",
    ] {
        assert!(next.contains(words), "{words}: {next}");
    }
    assert!(!next.contains("own firewall"), "{next}");
}

#[test]
fn an_answer_that_is_lost_may_have_been_stopped_by_the_servers_host() {
    let reset = End::NoData(RESET);
    let found = seen(reset, &[(AGAIN, reset), (AS_TCP, reset)], (300, 200));
    assert_eq!(found.id, VerdictId::PayloadReset);
    let next = found.next_step.unwrap();
    for words in [
        "which device resets TCP from",
        "on the way back from the server, whatever the protocol",
        "that host's own firewall stops what it sends (`nft list ruleset`, `iptables -S`)",
    ] {
        assert!(next.contains(words), "{words}: {next}");
    }
}

#[test]
fn kinds_of_session_that_pass_are_named() {
    let again = (AGAIN, MUTE);
    // Three sessions against two may be chance, so no inspection is claimed.
    let passes = [again, again, (AS_TCP, End::Whole), (AS_TCP, End::Whole)];
    let found = seen(MUTE, &passes, (0, 0));
    assert!(
        found
            .claim
            .ends_with("arrived there, while plain TCP on the same port completed"),
        "{}",
        found.claim
    );
    // One session that passes may do so by chance.
    let found = seen(MUTE, &[again, again, (AS_TCP, End::Whole)], (0, 0));
    assert!(found.claim.ends_with("arrived there"), "{}", found.claim);
}

/// Returns the verdict on an HTTPS session without an answer, of which the server received and sent these numbers of
/// bytes. Another port works.
fn seen(own: End, variations: &[(Variation, End)], (received, sent): (u64, u64)) -> Verdict {
    let mut probe = probe(SessionKind::Https, own, variations);
    let mut connection = sighting(None, SightingEnd::Open);
    (connection.bytes_received, connection.bytes_sent) = (received, sent);
    probe.sighting = Some(told(vec![connection]));
    let mut works = whole(SessionKind::Tcp);
    works.address.as_mut().unwrap().set_port(80);
    let testimony = works.session.as_mut().unwrap().testimony.as_mut().unwrap();
    testimony.local.as_mut().unwrap().set_port(80);
    let found = judge(&Evidence {
        same_server: vec![&probe, &works].into(),
        ..evidence(&probe)
    });
    let expected = [VerdictId::PayloadDropped, VerdictId::PayloadReset];
    assert!(expected.contains(&found.id), "{}", found.claim);
    found
}

const MUTE: End = End::NoData(SILENCE);
