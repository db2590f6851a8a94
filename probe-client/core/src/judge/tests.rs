//! Tests verdicts over every mixture of variations: what a verdict may claim, and what it must never claim.

mod all_ports;
mod any_mixture;
mod by_flow;
mod idle;
mod inspected;
mod instances;
mod limits;
mod local;
mod loss;
mod no_application_data;
mod noted;
mod options;
mod other_addresses;
mod prohibited;
mod reach;
mod refused;
mod refused_answers;
mod slow;
mod stalls;
mod translation;
mod witness;

use std::net::SocketAddr;
use std::sync::LazyLock;

use super::{Evidence, findings, judge};
use crate::catalogue::VerdictId;
use crate::comparison::next_round;
use crate::measurement::{
    Flow, FlowEnd, FlowRound, MatchedBy, Measurement, SentName, Sighting, SightingAnswer,
    SightingEnd, Variation, VariedSession,
};
use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::recorded::Recorded;
use crate::session::HexBytes;
use crate::session_kind::{Envelope, SessionKind};
use crate::verdict::Verdict;

/// How a made-up session ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Whole,
    /// The greeting got no answer.
    NoData(FailureKind),
    /// The first stage ran, and then nothing came back after this number of bytes.
    Died(FailureKind, u64),
}

const SILENCE: FailureKind = FailureKind::TimedOut;
const RESET: FailureKind = FailureKind::Reset;
const AGAIN: Variation = Variation::InNothing;
const SMALL: Variation = Variation::InSegmentSize { at_most: 536 };
const MIDDLE: Variation = Variation::InSegmentSize { at_most: 1240 };
const LARGE: Variation = Variation::InSegmentSize { at_most: 1360 };
const AS_TCP: Variation = Variation::InShape {
    session: SessionKind::Tcp,
};
const UNNAMED: Variation = Variation::InServerName {
    sent: SentName::None,
};

/// Returns a session that ran whole, made from a session of a recorded run.
fn whole(kind: SessionKind) -> Measurement {
    static RECORDED: LazyLock<Recorded> = LazyLock::new(|| {
        let text = include_str!("../../tests/scenarios/demo.json");
        serde_json::from_str(text).unwrap()
    });
    let found = RECORDED
        .probes
        .iter()
        .find(|p| p.measurement.rule.session == SessionKind::Https)
        .unwrap();
    let mut measurement = found.measurement.clone();
    measurement.rule.session = kind;
    measurement.host = "echo.example.org".to_owned();
    let mut measurement = lossy(measurement, 0, 0);
    let session = measurement.session.as_mut().unwrap();
    session.kind = kind;
    let testimony = session.testimony.as_mut().unwrap();
    testimony.kind = Some(kind);
    testimony.preface = kind.shape().preface.map(|_| HexBytes(vec![3, 0]));
    if kind.shape().envelope != Envelope::Http1 {
        testimony.request_head = None;
    }
    if kind.shape().tls.is_none() {
        session.tls = None;
        testimony.tls = None;
        measurement.certificate = None;
    }
    measurement
}

fn ended(kind: SessionKind, end: End) -> Measurement {
    let mut measurement = whole(kind);
    let (operation, failure) = match end {
        End::Whole => return measurement,
        End::NoData(failure) => (Operation::Testimony, failure),
        End::Died(failure, _) => (Operation::Exchange, failure),
    };
    measurement.observations.retain(|o| o.operation < operation);
    measurement.observations.push(Observation {
        operation,
        target: "198.51.100.7:443".to_owned(),
        start_us: 0,
        duration_us: if failure == SILENCE {
            4_000_000
        } else {
            20_000
        },
        failure: Some(Failure::new(failure, Origin::Peer)),
    });
    let session = measurement.session.as_mut().unwrap();
    session.farewell = None;
    let whole_stages = match end {
        End::Died(_, bytes) => {
            measurement.transport.as_mut().unwrap().bytes_read = bytes;
            1
        }
        End::Whole | End::NoData(_) => {
            session.testimony = None;
            0
        }
    };
    for stage in session.stages.iter_mut().skip(whole_stages) {
        stage.down.complete = false;
        stage.down.received = None;
    }
    measurement
}

fn probe(kind: SessionKind, own: End, variations: &[(Variation, End)]) -> Measurement {
    let mut probe = ended(kind, own);
    let made = variations.iter().map(|(variation, end)| {
        let mut measurement = ended(variation.kind(kind), *end);
        if let Variation::InSegmentSize { at_most } = variation {
            measurement.transport.as_mut().unwrap().send_mss = Some((*at_most).into());
        }
        VariedSession {
            variation: *variation,
            measurement,
        }
    });
    probe.variations = made.collect();
    probe
}

/// Returns the sighting of a connection over which no bytes came.
fn sighting(peer: Option<SocketAddr>, end: SightingEnd) -> Sighting {
    Sighting {
        matched_by: MatchedBy::Address,
        peer,
        bytes_received: 0,
        bytes_sent: 0,
        end,
        tls_error: None,
        unaltered_prefix: 0,
        altered_within: None,
        client_hello_unaltered: None,
    }
}

/// Returns the answer of a server that has no witness.
fn told(sightings: Vec<Sighting>) -> SightingAnswer {
    SightingAnswer {
        sightings,
        unattributed: false,
        unasked: false,
        sees_half_open: true,
        sees_every_syn: false,
        answers_refused: None,
    }
}

/// Returns a side connection right after the probe's own session.
fn flow(round: FlowRound, port: u16, end: FlowEnd) -> Flow {
    Flow {
        round,
        port,
        source_port: 40_000,
        start_us: 1_100_000,
        duration_us: 20_000,
        syns_sent_again: 0,
        bytes_written: 0,
        segments_sent_again: 0,
        end,
    }
}

fn verdict(probe: &Measurement) -> Verdict {
    judge(&evidence(probe))
}

fn evidence(probe: &Measurement) -> Evidence<'_> {
    Evidence {
        probe,
        same_server: vec![probe].into(),
        same_host: [].into(),
        control: None,
        own_addresses: &[],
        own_syn: None,
        run_started_ms: None,
    }
}

/// Judges a probe that ended as `own`, with `variations`, and asserts the verdict.
fn expect(what: &str, own: End, variations: &[&[(Variation, End)]], expected: VerdictId) {
    let probe = probe(SessionKind::Https, own, &variations.concat());
    let found = verdict(&probe);
    assert_eq!(found.id, expected, "{what}: {}", found.claim);
}

const MUTE: End = End::NoData(SILENCE);
const DIED: End = End::Died(SILENCE, 20_000);
const AGAIN_MUTE: [(Variation, End); 4] = [(AGAIN, MUTE); 4];
const AGAIN_DIED: [(Variation, End); 4] = {
    let later = (AGAIN, End::Died(SILENCE, 20_500));
    [(AGAIN, DIED), later, (AGAIN, DIED), later]
};

#[test]
fn a_session_that_passes_again_was_lost() {
    let whole = (AGAIN, End::Whole);
    let all = [whole; 3];
    expect("all three", MUTE, &[&all], VerdictId::ReachableWithLoss);
    let one = [(AGAIN, MUTE), whole, (AGAIN, MUTE)];
    expect("one of three", MUTE, &[&one], VerdictId::Inconclusive);
    let alone = [(Variation::InPace { held: 0 }, End::Whole)];
    expect("alone", MUTE, &[&alone], VerdictId::ReachableWithLoss);
}

#[test]
fn another_shape_that_passes_each_time_shows_inspection() {
    let (whole, reset) = ((AS_TCP, End::Whole), End::NoData(RESET));
    let dropped = VerdictId::PayloadDropped;
    expect("four times", MUTE, &[&AGAIN_MUTE, &[whole; 4]], dropped);
    let again = [(AGAIN, reset); 4];
    expect(
        "by reset",
        reset,
        &[&again, &[whole; 4]],
        VerdictId::PayloadReset,
    );
    let undecided = VerdictId::Inconclusive;
    // One of ten possible orders looks like this, so chance is not excluded.
    let twice: [(Variation, End); 2] = [(AGAIN, MUTE); 2];
    expect("by chance", MUTE, &[&twice, &[whole; 2]], undecided);
    expect("once", MUTE, &[&AGAIN_MUTE, &[whole]], undecided);
    expect(
        "once of two",
        MUTE,
        &[&AGAIN_MUTE, &[whole, (AS_TCP, MUTE)]],
        undecided,
    );
    let as_http = Variation::InShape {
        session: SessionKind::Http,
    };
    let at_times = [(as_http, End::Whole), (as_http, MUTE)];
    expect(
        "beside one that passes at times",
        MUTE,
        &[&AGAIN_MUTE, &[whole; 4], &at_times],
        undecided,
    );
}

#[test]
fn segment_sizes_tell_a_black_hole_from_a_stall() {
    let (small, hole) = ((SMALL, End::Whole), VerdictId::PathMtuBlackHole);
    expect(
        "each time",
        DIED,
        &[&AGAIN_DIED, &[small, small, small, small, (LARGE, DIED)]],
        hole,
    );
    let dropped = VerdictId::PayloadDropped;
    // One of 28 possible orders looks like this, so chance is not excluded.
    expect(
        "by chance",
        DIED,
        &[&AGAIN_DIED, &[small, small, (LARGE, DIED)]],
        dropped,
    );
    expect(
        "once",
        DIED,
        &[&AGAIN_DIED, &[small, (MIDDLE, DIED)]],
        dropped,
    );
    let stall = VerdictId::StallsAfterBytes;
    expect("no size", DIED, &[&AGAIN_DIED, &[(SMALL, DIED)]], stall);
    let elsewhere = [(SMALL, End::Died(SILENCE, 60_000))];
    expect("elsewhere", DIED, &[&AGAIN_DIED, &elsewhere], dropped);
    let reset = End::Died(RESET, 20_000);
    expect(
        "reset",
        reset,
        &[&[(AGAIN, reset); 2]],
        VerdictId::PayloadReset,
    );
    expect("nothing compared", DIED, &[], dropped);
}

#[test]
fn nothing_between_two_slow_hosts_is_blamed() {
    let passes = (AS_TCP, End::Whole);
    let mut probe = probe(
        SessionKind::Https,
        DIED,
        &[&AGAIN_DIED[..], &[passes; 4]].concat(),
    );
    assert_eq!(verdict(&probe).id, VerdictId::PayloadDropped);
    let transport = probe.transport.unwrap();
    let mut seen = sighting(probe.local, SightingEnd::Deadline);
    (seen.bytes_received, seen.bytes_sent) = (transport.bytes_written, transport.bytes_read);
    probe.sighting = Some(told(vec![seen]));
    let found = verdict(&probe);
    assert_eq!(found.id, VerdictId::Inconclusive, "{}", found.claim);
    assert!(found.claim.contains("too busy"), "{}", found.claim);
    probe.sighting.as_mut().unwrap().sightings[0].bytes_received -= 1;
    assert_eq!(verdict(&probe).id, VerdictId::PayloadDropped);
}

#[test]
fn the_sizes_that_pass_and_do_not_are_packets() {
    let died = End::Died(SILENCE, 20_000);
    let probe = probe(
        SessionKind::Tcp,
        died,
        &[
            (AGAIN, died),
            (AGAIN, died),
            (AGAIN, died),
            (AGAIN, died),
            (SMALL, End::Whole),
            (SMALL, End::Whole),
            (SMALL, End::Whole),
            (MIDDLE, End::Whole),
            (LARGE, died),
        ],
    );
    let Verdict {
        claim,
        evidence,
        next_step,
        ..
    } = verdict(&probe);
    assert!(
        claim.contains("packets of 1280 bytes pass, those of 1400 do not"),
        "{claim}"
    );
    assert!(claim.contains("on the way from the server"), "{claim}");
    let next = next_step.unwrap();
    assert!(next.contains("pass to the server"), "{next}");
    let believed = evidence.iter().any(|fact| fact.contains("still believes"));
    assert!(!believed, "{evidence:?}");
}

#[test]
fn a_name_is_the_narrower_cause() {
    let no_data = End::NoData(RESET);
    let mut variations = vec![(AGAIN, no_data); 4];
    variations.extend([(AS_TCP, End::Whole); 4]);
    let by_protocol = verdict(&probe(SessionKind::Https, no_data, &variations)).claim;
    assert!(by_protocol.contains("protocol inspection"), "{by_protocol}");
    variations.extend([(UNNAMED, End::Whole); 2]);
    let by_name = verdict(&probe(SessionKind::Https, no_data, &variations)).claim;
    assert!(by_name.contains("inspection by server name"), "{by_name}");
    let as_http = Variation::InShape {
        session: SessionKind::Http,
    };
    variations.extend([(as_http, no_data); 2]);
    let by_name = verdict(&probe(SessionKind::Https, no_data, &variations)).claim;
    assert!(
        by_name.contains("ClientHello (HTTP sessions that name it failed as well), and lets"),
        "{by_name}"
    );
}

/// Returns the measurement as if this host had sent `syns` SYNs and `others` other segments again.
fn lossy(mut measurement: Measurement, syns: u32, others: u32) -> Measurement {
    let transport = measurement.transport.as_mut().unwrap();
    transport.syn_retransmissions = Some(syns);
    transport.retransmissions = Some(syns + others);
    if let Some(farewell) = measurement.session.as_mut().unwrap().farewell.as_mut() {
        farewell.retransmissions = Some(0);
    }
    measurement
}

#[test]
fn full_size_sessions_run_beside_small_ones_and_one_that_passes_excludes_a_black_hole() {
    let mut probe = probe(SessionKind::Https, DIED, &AGAIN_DIED);
    let session = |variation: Variation, end| VariedSession {
        variation,
        measurement: ended(variation.kind(SessionKind::Https), end),
    };
    probe.variations.push(session(SMALL, End::Whole));
    let beside = next_round(&probe);
    let full = beside.iter().filter(|variation| **variation == AGAIN);
    assert_eq!(full.count(), 2);
    let small = [session(SMALL, End::Whole), session(SMALL, End::Whole)];
    probe.variations.extend(small);
    probe.variations.push(session(SMALL, End::Whole));
    probe.variations.push(session(AGAIN, DIED));
    assert_eq!(verdict(&probe).id, VerdictId::PathMtuBlackHole);
    probe.variations.push(session(AGAIN, End::Whole));
    assert_ne!(verdict(&probe).id, VerdictId::PathMtuBlackHole);
}
