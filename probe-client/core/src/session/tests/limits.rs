//! Parameters at and over their limits.

use proto::limits::{GREETING_FRAME_BYTES, MAX_HOLD, MAX_STAGE_BYTES, MAX_STAGES};

use super::*;

fn refusal(change: impl FnOnce(&mut SessionParameters)) -> InvalidParameters {
    refusal_of(SessionKind::Tcp, change)
}

fn refusal_of(kind: SessionKind, change: impl FnOnce(&mut SessionParameters)) -> InvalidParameters {
    let mut parameters = parameters(kind, 0);
    change(&mut parameters);
    ClientSession::new(parameters, Duration::ZERO).unwrap_err()
}

#[test]
fn each_parameter_over_its_limit_is_named() {
    use InvalidParameters as Invalid;
    assert_eq!(
        refusal(|p| p.stages = vec![Stage::both(1); MAX_STAGES + 1]),
        Invalid::Stages(MAX_STAGES + 1)
    );
    let down = MAX_STAGE_BYTES + 1;
    assert_eq!(
        refusal(|p| p.stages = vec![Stage { up: 1, down }]),
        Invalid::StageBytes(down)
    );
    let hold = MAX_HOLD + Duration::from_nanos(1);
    assert_eq!(refusal(|p| p.hold = Some(hold)), Invalid::Hold(hold));
    assert_eq!(
        refusal(|p| p.path_text = "x".repeat(256)),
        Invalid::PathText(256)
    );
    assert_eq!(
        refusal(|p| p.host = "a b".into()),
        Invalid::Host("a b".into())
    );
    assert_eq!(
        refusal_of(SessionKind::Nettcp, |p| p.net_tcp = None),
        Invalid::NoNetTcpService
    );
    let via = NetTcpService {
        via: "x".repeat(2049),
        mode: NettcpMode::Streamed,
    };
    assert!(matches!(
        refusal_of(SessionKind::Nettcp, |p| p.net_tcp = Some(via)),
        Invalid::Via(_)
    ));
    assert!(matches!(
        refusal_of(SessionKind::Rdp, |p| p.cookie = "a\r\nb".into()),
        Invalid::Cookie(_)
    ));
}

#[test]
fn the_longest_parameters_still_make_a_greeting_of_one_length() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::with(
            SessionParameters {
                key_id: "k".repeat(32).parse().unwrap(),
                path_text: "p".repeat(255),
                host: "h".repeat(253),
                port_dialled: u16::MAX,
                hold: Some(MAX_HOLD),
                wall_unix_ms: u64::MAX,
                stages: vec![Stage { up: 1, down: 1 }; MAX_STAGES],
                ..parameters(kind, 0)
            },
            quirks(kind),
        );
        // The server checks the length of every greeting's frame.
        let report = bench.run();
        assert!(report.is_clean_and_complete(), "{kind}: {report:#?}");
    }
    assert_eq!(GREETING_FRAME_BYTES, 1024);
}

#[test]
fn the_largest_stage_goes_through() {
    let kind = SessionKind::Nettcp;
    let mut bench = Bench::with(
        SessionParameters {
            stages: vec![Stage::both(MAX_STAGE_BYTES)],
            ..parameters(kind, 0)
        },
        quirks(kind),
    );
    bench.cut = 16 * 1024;
    let report = bench.run();
    assert!(report.is_clean_and_complete(), "{report:#?}");
}

#[test]
fn a_session_can_move_between_threads() {
    fn movable<T: Send + 'static>(_: &T) {}
    movable(&Bench::new(SessionKind::Tcp).session);
}

#[test]
fn what_is_told_to_the_wrong_state_changes_nothing() {
    let mut bench = Bench::new(SessionKind::Tcp);
    let before = bench.session.report();
    assert_eq!(bench.session.tls_established(bench.now, facts()), Need::Io);
    assert_eq!(bench.session.reconnected(bench.now), Need::Io);
    assert_eq!(bench.session.wake(bench.now), Need::Io);
    assert_eq!(bench.session.report(), before);
    assert!(bench.run().is_clean_and_complete());
}
