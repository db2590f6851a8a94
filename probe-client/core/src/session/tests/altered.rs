//! Bits that change on the way down, and answers that were made for another session.

use proptest::prelude::*;

use super::*;

/// Returns a session with small stages, so that a test can flip every bit in turn.
fn small(kind: SessionKind) -> Bench {
    let stages = vec![Stage::both(1), Stage { up: 30, down: 80 }];
    Bench::with(
        SessionParameters {
            stages,
            ..parameters(kind, 0)
        },
        quirks(kind),
    )
}

fn flipped(kind: SessionKind, at: usize, mask: u8) -> (Need, SessionReport) {
    let mut bench = small(kind);
    bench.flip = Some((at, mask));
    let report = bench.run();
    (bench.need, report)
}

#[test]
fn a_flipped_bit_at_any_offset_of_the_downstream_is_noticed() {
    // The other kinds are these inside TLS.
    for kind in [SessionKind::Tcp, SessionKind::Http, SessionKind::Nettcp] {
        let mut bench = small(kind);
        assert!(bench.run().is_clean_and_complete());
        for at in 0..bench.down.len() {
            let mask = 1 << (at % 8);
            let (_, report) = flipped(kind, at, mask);
            assert!(
                !report.is_clean_and_complete(),
                "{kind}: bit {mask:#04x} of byte {at}: {report:#?}"
            );
        }
    }
}

#[test]
fn any_flipped_bit_of_an_x224_confirm_is_noticed() {
    let confirm = 19;
    for at in 0..confirm {
        for bit in 0..8 {
            let (_, report) = flipped(SessionKind::Rdp, at, 1 << bit);
            assert!(!report.is_clean_and_complete(), "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn any_flipped_bit_of_the_downstream_is_noticed(
        kind in prop::sample::select(SessionKind::ALL.to_vec()),
        at in any::<prop::sample::Index>(),
        bit in 0u32..8,
    ) {
        let mut bench = small(kind);
        bench.run();
        let (_, report) = flipped(kind, at.index(bench.down.len()), 1 << bit);
        prop_assert!(!report.is_clean_and_complete(), "{:#?}", report);
    }
}

#[test]
fn an_altered_frame_is_placed_in_the_downstream() {
    let mut bench = small(SessionKind::Tcp);
    bench.run();
    let testimony = 37 + u64::from(bench.down[4]) + 256 * u64::from(bench.down[3]);
    let (need, report) = flipped(SessionKind::Tcp, 50, 0x10);
    assert_eq!(need, Need::Failed);
    assert_eq!(report.testimony, None);
    assert_eq!(
        report.fault,
        Some(Fault::BadMac {
            frame: ServerFrame::Testimony,
            downstream: (0..testimony).into(),
        })
    );

    // The bit is in the first confirmation, after the testimony.
    let (_, report) = flipped(SessionKind::Tcp, testimony as usize + 20, 0x10);
    assert!(report.testimony.is_some());
    assert!(matches!(
        report.fault,
        Some(Fault::BadMac { frame: ServerFrame::Confirmation, downstream })
            if downstream.start == testimony
    ));
}

#[test]
fn an_altered_byte_of_payload_is_placed_in_its_stage() {
    let mut bench = small(SessionKind::Http);
    bench.run();
    // The last response carries no payload; the one before it ends with the payload of its stage.
    let report = (0..bench.down.len())
        .rev()
        .map(|at| flipped(SessionKind::Http, at, 1).1)
        .find(|report| report.stages[1].down.altered_at.is_some())
        .unwrap();
    assert_eq!(report.stages[1].down.altered_at, Some(79));
    assert_eq!(report.fault, None);
    assert_eq!(report.phase, Phase::Finished);
}

#[test]
fn a_frame_that_never_ends_is_told_as_unfinished() {
    // The testimony's length field grows by 256 bytes, more than ever arrive.
    let (need, report) = flipped(SessionKind::Tcp, 3, 0x04);
    assert_eq!(need, Need::Io);
    assert_eq!(report.fault, None);
    let unfinished = report.unfinished_frame.unwrap();
    assert_eq!(unfinished.downstream.start, 0);
    assert!(unfinished.missing > 0);
}

#[test]
fn another_sessions_testimony_proves_nothing() {
    for kind in SessionKind::ALL {
        let mut recorded = Bench::new(kind);
        assert!(recorded.run().is_clean_and_complete());

        let mut replayed = Bench::with(parameters(kind, 1), quirks(kind));
        replayed.peer = Peer::Recorded(recorded.answers);
        let report = replayed.run();
        assert_eq!(replayed.need, Need::Failed, "{kind}");
        assert_eq!(report.testimony, None, "{kind}");
        assert!(
            report.fault == Some(Fault::NonceMismatch),
            "{kind}: {report:#?}"
        );
    }
}

#[test]
fn an_answer_to_another_nonce_is_refused_even_under_the_right_key() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::with(
            parameters(kind, 0),
            Quirks {
                wrong_nonce: true,
                ..quirks(kind)
            },
        );
        let report = bench.run();
        assert_eq!(report.fault, Some(Fault::NonceMismatch), "{kind}");
        assert_eq!(report.testimony, None);
    }
}
