//! Tests ports that accept the connection, after which nothing comes from the server.

use super::{End, SILENCE, ended, evidence, judge, sighting, told};
use crate::catalogue::VerdictId;
use crate::judge::Evidence;
use crate::measurement::{Measurement, SightingEnd};
use crate::observation::FailureKind;
use crate::session_kind::SessionKind;
use crate::verdict::Segment;

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
