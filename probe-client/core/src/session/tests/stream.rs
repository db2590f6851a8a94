//! Sessions of every kind that run as they should, and what the report says about small deviations.

use proto::limits::GREETING_FRAME_BYTES;
use proto::wire;
use sha2::{Digest as _, Sha256};

use super::*;

#[test]
fn every_kind_runs_to_a_clean_end() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::new(kind);
        let report = bench.run();
        assert_eq!(bench.need, Need::Finished, "{kind}: {report:#?}");
        assert!(report.is_clean_and_complete(), "{kind}: {report:#?}");
        assert!(report.farewell.is_some_and(|f| f.rtt_us == Some(250)));
        assert_eq!(report.testimony.unwrap().kind, Some(kind));
    }
}

#[test]
fn one_byte_at_a_time_is_the_same_session() {
    for kind in SessionKind::ALL {
        let (mut whole, mut cut) = (Bench::new(kind), Bench::new(kind));
        cut.cut = 1;
        let (whole_report, cut_report) = (whole.run(), cut.run());
        assert!(
            cut_report.is_clean_and_complete(),
            "{kind}: {cut_report:#?}"
        );
        assert_eq!(whole.down, cut.down, "{kind}");
        assert_eq!(whole_report, cut_report, "{kind}");
    }
}

#[test]
fn each_kind_goes_through_the_phases_of_its_shape() {
    let phases = |kind| {
        let report = Bench::new(kind).run();
        let times: Vec<_> = report.phases.iter().map(|entry| entry.at_us).collect();
        assert!(times.is_sorted(), "{kind}: {times:?}");
        report
            .phases
            .iter()
            .map(|entry| entry.phase)
            .collect::<Vec<_>>()
    };
    use Phase::{AwaitingFarewell, AwaitingTestimony, Exchanging, Finished, InnerPreface};
    let common = [AwaitingTestimony, Exchanging, AwaitingFarewell, Finished];
    let after = |before: &[Phase]| [before, &common].concat();
    assert_eq!(phases(SessionKind::Tcp), common);
    assert_eq!(phases(SessionKind::Http), common);
    assert_eq!(phases(SessionKind::Tls), after(&[Phase::Tls]));
    assert_eq!(phases(SessionKind::Https), after(&[Phase::Tls]));
    assert_eq!(
        phases(SessionKind::Rdp),
        after(&[Phase::Preface, Phase::Tls])
    );
    assert_eq!(
        phases(SessionKind::Nettcp),
        after(&[Phase::Preface, Phase::Tls, InnerPreface])
    );
}

#[test]
fn a_raw_session_sends_all_stages_without_waiting_for_confirmations() {
    let mut bench = Bench::new(SessionKind::Tcp);
    let greeting = transmit_all(&mut bench.session, usize::MAX);
    assert_eq!(greeting.len(), 8 + GREETING_FRAME_BYTES);
    let testimony = bench.peer.handle(&greeting);
    bench.session.receive(bench.now, &testimony);
    let stages = transmit_all(&mut bench.session, usize::MAX);
    assert!(stages.len() > 1 + 1024 + 9_000);
    let report = bench.session.report();
    assert!(
        report
            .stages
            .iter()
            .all(|stage| stage.up.handed_out == stage.up.asked)
    );
    assert!(
        report
            .stages
            .iter()
            .all(|stage| stage.up.confirmed.is_none())
    );
}

#[test]
fn what_was_sent_first_is_told_by_its_digests() {
    let mut bench = Bench::new(SessionKind::Tcp);
    let sent = transmit_all(&mut bench.session, 100);
    let first = bench.session.report().first_sent;
    let lengths: Vec<_> = first.iter().map(|prefix| prefix.bytes).collect();
    assert_eq!(lengths, [64, 128, 256, 512]);
    for prefix in first {
        let digest = Sha256::digest(&sent[..prefix.bytes as usize]);
        assert_eq!(prefix.sha256.0, digest.as_slice());
    }

    let (mut tls, _) = ClientSession::new(parameters(SessionKind::Tls, 0), bench.now).unwrap();
    tls.sent_plain(b"a ClientHello");
    let first = tls.report().first_sent;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].bytes, 13);
    tls.tls_established(bench.now, facts());
    transmit_all(&mut tls, usize::MAX);
    assert_eq!(tls.report().first_sent, first);
}

#[test]
fn the_greeting_says_what_the_server_has_to_know() {
    let mut bench = Bench::new(SessionKind::Tls);
    bench.run();
    let greeting = bench.server().greeting.clone().unwrap();
    assert_eq!(greeting.version, proto::DIALOGUE_VERSION);
    assert_eq!(greeting.key_id, "key-1");
    assert_eq!(greeting.port_dialled, 5901);
    assert_eq!(greeting.kind(), wire::SessionKind::Tls);
    assert_eq!(greeting.path, "direct");
    assert_eq!(greeting.tls_exporter, [9; 32]);
    assert_eq!(greeting.client_hello_sha256, [8; 32]);
    assert_eq!(greeting.hop_limit_mark, 100);
    assert_eq!(greeting.hold_seconds, 0);
    let age_ms = greeting.time_unix_ms - 1_700_000_000_000;
    assert!((1..=10).contains(&age_ms), "{age_ms}");
}

#[test]
fn the_receipt_tells_what_came() {
    let mut bench = Bench::new(SessionKind::Nettcp);
    bench.run();
    let receipt = bench.server().receipt.clone().unwrap();
    let bytes: Vec<_> = receipt.received.iter().map(|r| r.bytes).collect();
    assert_eq!(bytes, [1, 1024, 0, 5_000]);
}

#[test]
fn altered_payload_is_a_place_and_not_a_fault() {
    for kind in [SessionKind::Tcp, SessionKind::Rdp, SessionKind::Nettcp] {
        let mut bench = Bench::with(
            parameters(kind, 0),
            Quirks {
                alter_up: Some((2, 8_500)),
                alter_down: Some((3, 4_321)),
                ..quirks(kind)
            },
        );
        let report = bench.run();
        assert_eq!(bench.need, Need::Finished);
        assert_eq!(report.fault, None);
        let (up, down) = (&report.stages[2].up, &report.stages[3].down);
        assert_eq!(
            (up.altered_at, up.digest_matches),
            (Some(8_500), Some(false))
        );
        assert!(up.complete && down.complete);
        assert_eq!(down.altered_at, Some(4_321));
        assert!(report.stages[1].is_whole());
        assert!(!report.is_clean_and_complete());
        let receipt = bench.server().receipt.clone().unwrap();
        assert_eq!(receipt.received[3].altered_at, Some(4_321));
    }
}

#[test]
fn a_digest_of_other_bytes_is_not_passed_over() {
    let mut bench = Bench::with(
        parameters(SessionKind::Tcp, 0),
        Quirks {
            wrong_digest: true,
            ..Quirks::default()
        },
    );
    let report = bench.run();
    assert_eq!(bench.need, Need::Finished);
    assert_eq!(report.stages[0].up.digest_matches, Some(false));
    assert!(!report.is_clean_and_complete());
}

#[test]
fn an_end_record_before_the_farewell_is_a_fault() {
    let mut bench = Bench::new(SessionKind::Nettcp);
    while bench.session.report().testimony.is_none() {
        if let Need::StartTls(_) = bench.need {
            bench.need = bench.session.tls_established(bench.now, facts());
        } else {
            bench.exchange();
        }
    }
    assert_eq!(bench.session.receive(bench.now, &[7]), Need::Failed);
    assert!(matches!(
        bench.session.report().fault,
        Some(Fault::Malformed {
            what: Malformation::EndsEarly,
            ..
        })
    ));
}

#[test]
fn a_stage_that_the_server_gave_up_on_ends_the_session() {
    let mut bench = Bench::with(
        parameters(SessionKind::Tcp, 0),
        Quirks {
            cut_short: Some((1, 700)),
            ..Quirks::default()
        },
    );
    // If the stage arrived in one piece, the server would never see less than all of it.
    bench.cut = usize::MAX;
    let report = bench.run();
    assert_eq!(bench.need, Need::Failed);
    assert!(report.stages[0].is_whole());
    assert_eq!(report.stages[1].up.confirmed, Some(700));
    assert!(!report.stages[1].up.complete);
    assert_eq!(report.stages[1].down.received, None);
    assert_eq!(
        report.fault,
        Some(Fault::StageCutShort {
            stage: 1,
            confirmed: 700
        })
    );
}

#[test]
fn a_refusal_is_the_servers_word() {
    for kind in SessionKind::ALL {
        for (reason, told) in [
            (wire::refusal::Reason::Overloaded, RefusalReason::Overloaded),
            (wire::refusal::Reason::Draining, RefusalReason::Draining),
        ] {
            let mut bench = Bench::with(
                parameters(kind, 0),
                Quirks {
                    refuse: Some(reason),
                    ..quirks(kind)
                },
            );
            let report = bench.run();
            assert_eq!(bench.need, Need::Failed);
            assert_eq!(
                report.fault,
                Some(Fault::Refused { reason: told }),
                "{kind}"
            );
            assert_eq!(report.refused_by.as_deref(), Some("one"));
            assert_eq!(report.testimony, None);
        }
    }
}

#[test]
fn another_end_of_tls_is_seen() {
    let mut bench = Bench::with(
        parameters(SessionKind::Tls, 0),
        Quirks {
            exporter: Some([0xBB; 32]),
            client_hello: Some([0xCC; 32]),
            ..Quirks::default()
        },
    );
    let report = bench.run();
    assert_eq!(bench.need, Need::Finished);
    let tls = report.testimony.as_ref().unwrap().tls.as_ref().unwrap();
    assert_eq!(tls.exporter, Agreement::Different);
    assert_eq!(tls.client_hello, Agreement::Different);
    assert!(!report.is_clean_and_complete());

    let mut bench = Bench::new(SessionKind::Tls);
    let facts = ClientTls {
        exporter: None,
        ..facts()
    };
    bench.need = bench.session.tls_established(bench.now, facts);
    let unknown = bench.run();
    let tls = unknown.testimony.as_ref().and_then(|t| t.tls.as_ref());
    assert_eq!(tls.unwrap().exporter, Agreement::NotMeasured);
    assert_eq!(unknown.phase, Phase::Finished);
    assert!(!unknown.is_clean_and_complete());

    let taken_off = Bench::with(parameters(SessionKind::Tls, 0), Quirks::default()).run();
    assert!(
        taken_off
            .testimony
            .as_ref()
            .is_some_and(|t| t.tls.is_none())
    );
    assert!(!taken_off.is_clean_and_complete());
}

#[test]
fn a_held_session_is_silent_and_then_asks_for_a_sign_of_life() {
    for kind in SessionKind::ALL {
        let hold = Duration::from_millis(60_500);
        let mut bench = Bench::with(
            SessionParameters {
                hold: Some(hold),
                ..parameters(kind, 0)
            },
            quirks(kind),
        );
        let report = bench.run();
        assert_eq!(bench.need, Need::Finished, "{kind}: {report:#?}");
        assert!(report.is_clean_and_complete());
        let held = report.hold.unwrap();
        assert_eq!(held.asked_us, 60_500_000);
        assert_eq!(held.ended_us, Some(held.began_us + 60_500_000));
        assert!(held.answered_us >= held.ended_us);
        if kind.shape().envelope != Envelope::Http1 {
            assert_eq!(bench.server().keep_alives, 1);
        }
        let held_phases = [Phase::Holding, Phase::Resuming, Phase::AwaitingFarewell];
        let phases: Vec<_> = report.phases.iter().map(|entry| entry.phase).collect();
        assert!(
            phases.windows(3).any(|three| three == held_phases),
            "{phases:?}"
        );
    }
}

#[test]
fn an_answer_to_another_keep_alive_is_a_fault() {
    let mut bench = Bench::with(
        SessionParameters {
            hold: Some(Duration::from_secs(60)),
            ..parameters(SessionKind::Tcp, 0)
        },
        Quirks {
            wrong_keep_alive: true,
            ..Quirks::default()
        },
    );
    assert!(matches!(
        bench.run().fault,
        Some(Fault::Malformed {
            what: Malformation::KeepAlive,
            ..
        })
    ));
}

#[test]
fn a_session_that_dies_in_its_hold_says_so() {
    let mut bench = Bench::with(
        SessionParameters {
            hold: Some(Duration::from_secs(60)),
            ..parameters(SessionKind::Tcp, 0)
        },
        Quirks::default(),
    );
    while bench.exchange() {}
    let ends = bench.session.wake_at().unwrap();
    assert_eq!(
        bench.session.wake(ends - Duration::from_micros(1)),
        Need::Io
    );
    assert_eq!(bench.session.report().hold.unwrap().ended_us, None);
    assert!(transmit_all(&mut bench.session, usize::MAX).is_empty());
    bench.session.wake(ends);
    assert!(!transmit_all(&mut bench.session, usize::MAX).is_empty());
    assert_eq!(bench.session.wake_at(), None);
    let report = bench.session.report();
    assert_eq!(report.phase, Phase::Resuming);
    assert_eq!(report.hold.unwrap().answered_us, None);
    assert!(report.stages.iter().all(StageReport::is_whole));
    assert_eq!(bench.session.closed(ends), Need::Failed);
}

#[test]
fn a_session_without_stages_is_greeting_and_farewell() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::with(
            SessionParameters {
                stages: Vec::new(),
                ..parameters(kind, 0)
            },
            quirks(kind),
        );
        assert!(bench.run().is_clean_and_complete(), "{kind}");
    }
}

#[test]
fn a_report_survives_its_way_through_json() {
    for kind in SessionKind::ALL {
        let report = Bench::new(kind).run();
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<SessionReport>(&json).unwrap(),
            report
        );
        assert!(!json.contains(&hex::encode(SECRET)));
        assert!(!json.contains(&hex::encode([9; 32])), "no keying material");
    }
}
