//! Tests the cost of judging a run, by the number of sessions judged. Each session is judged once, however many
//! siblings ask for its verdict.

use std::cell::Cell;

use crate::recorded::Recorded;

thread_local! {
    static JUDGED: Cell<usize> = const { Cell::new(0) };
}

/// Counts one session.
pub(super) fn judged() {
    JUDGED.set(JUDGED.get() + 1);
}

/// Judges a recorded run through an inspecting device, with each of its probes repeated `times` times. Returns how many
/// sessions the run has, and how many were judged.
fn judging(times: usize) -> (usize, usize) {
    let mut document = Recorded::read(INSPECTED);
    document.probes = std::iter::repeat_n(document.probes, times)
        .flatten()
        .collect();
    let compared = document
        .probes
        .iter()
        .map(|p| p.measurement.variations.len());
    let sessions = document.probes.len() + compared.sum::<usize>();
    JUDGED.set(0);
    document.judged();
    (sessions, JUDGED.get())
}

#[test]
fn every_session_is_judged_once() {
    for times in [1, 10, 40] {
        let (sessions, judged) = judging(times);
        assert!(judged <= sessions, "{judged} for {sessions} sessions");
    }
}

const INSPECTED: &str = include_str!("../../../../tests/lab/records/inspection-resets-tls.json");
