//! Differences between recorded runs.

use probe_core::profile::Expectation;
use probe_documents::RunDocument;
use probe_documents::diff::{ChangeKind, Diff, FactKind, TimeSamples};

use super::*;
use crate::recorded;

fn as_text(diff: &Diff) -> String {
    recorded::written(|out| write_text(diff, Look::PLAIN, out))
}

/// A run, and the same run with one port dropped at the first hop.
fn before_and_after() -> (RunDocument, RunDocument) {
    let after = recorded::DROPPED_BEHIND_FIRST_HOP.read();
    let mut before = after.clone();
    let open = before
        .probes
        .iter()
        .find(|p| p.verdict.id.entry().meets_open());
    let (verdict, outcome) = open.map(|p| (p.verdict.clone(), p.outcome)).unwrap();
    for probe in &mut before.probes {
        probe.verdict = verdict.clone();
        probe.outcome = outcome;
    }
    (before, after)
}

#[test]
fn a_run_does_not_differ_from_itself() {
    for run in recorded::ALL {
        let document = run.read();
        let mut again = document.clone();
        again.probes.reverse();
        let diff = Diff::between(&document, &again);
        let undecided = diff.count(ChangeKind::NotComparable);
        assert_eq!(diff.changes.len(), undecided, "{}", run.name);
        assert_eq!(diff.facts, [], "{}", run.name);
        let expected = if undecided > 0 { 3 } else { 0 };
        assert_eq!(diff.exit_code(), expected, "{}", run.name);
    }
}

#[test]
fn a_port_that_is_dropped_now_as_text() {
    let (before, after) = before_and_after();
    let diff = Diff::between(&before, &after);
    assert_eq!(diff.exit_code(), 1);
    insta::assert_snapshot!(as_text(&diff));
}

#[test]
fn the_other_way_round_it_is_fixed() {
    let (before, after) = before_and_after();
    let diff = Diff::between(&after, &before);
    assert_eq!((diff.count(ChangeKind::Fixed), diff.exit_code()), (1, 0));
}

#[test]
fn another_hop_is_another_place() {
    let (_, before) = before_and_after();
    let mut after = before.clone();
    for probe in &mut after.probes {
        if let Segment::Path { hop, address } = &mut probe.verdict.segment {
            (*hop, *address) = (Some(2), "10.20.2.2".parse().ok());
        }
    }
    let diff = Diff::between(&before, &after);
    assert_eq!(
        (diff.count(ChangeKind::OtherPlace), diff.exit_code()),
        (1, 0)
    );
    let text = as_text(&diff);
    let told = "dropped at path hop 1 10.20.1.1 → dropped at path hop 2 10.20.2.2";
    assert!(text.contains(told), "{text}");
}

#[test]
fn changed_addresses_and_certificates_are_facts() {
    let before = recorded::THROUGH_PROXIES.read();
    let mut after = before.clone();
    after.egress[0].seen = "203.0.113.9:4711".parse().unwrap();
    for probe in &mut after.probes {
        if let Some(certificate) = &mut probe.measurement.certificate {
            certificate.sha256 = "ab".repeat(32);
        }
    }
    let diff = Diff::between(&before, &after);
    assert_eq!((diff.changes.len(), diff.exit_code()), (0, 0));
    let kinds: Vec<FactKind> = diff.facts.iter().map(|f| f.fact).collect();
    assert!(kinds.contains(&FactKind::EgressAddress), "{kinds:?}");
    assert!(kinds.contains(&FactKind::Certificate), "{kinds:?}");
    let text = as_text(&diff);
    assert!(
        text.contains("203.0.113.9") && text.contains("sha256:abab"),
        "{text}"
    );
}

#[test]
fn what_is_asked_otherwise_or_undecided_is_not_comparable() {
    let (before, after) = before_and_after();
    let mut other = after.clone();
    other.probes[0].measurement.rule.expect = Expectation::Blocked;
    let mut unclear = after.clone();
    for probe in &mut unclear.probes {
        probe.outcome = probe_core::judge::Outcome::Undecided;
    }
    let mut fewer = before.clone();
    fewer.probes.clear();
    for (after, kind, code) in [
        (&unclear, ChangeKind::NotComparable, 3),
        (&fewer, ChangeKind::Gone, 3),
    ] {
        let diff = Diff::between(&before, after);
        assert_eq!(diff.count(kind), before.probes.len(), "{}", as_text(&diff));
        assert_eq!(diff.exit_code(), code, "{}", as_text(&diff));
    }
    let diff = Diff::between(&after, &other);
    assert_eq!(
        (diff.count(ChangeKind::NotComparable), diff.exit_code()),
        (1, 3)
    );
    let (mut interrupted, mut whole) = (fewer.clone(), fewer);
    (interrupted.run.complete, whole.run.complete) = (false, true);
    let gone = |after| Diff::between(&before, after).count(ChangeKind::Gone);
    assert_eq!((gone(&interrupted), gone(&whole)), (0, before.probes.len()));
}

#[test]
fn times_are_judged_from_five_runs_on() {
    let (before, _) = before_and_after();
    let samples = |runs: u64, factor: u64| {
        let mut samples = TimeSamples::default();
        for run in 0..runs {
            let mut document = before.clone();
            for probe in &mut document.probes {
                probe.timings.total_us = (1_000 + run) * factor;
            }
            samples.add(&document);
        }
        samples
    };
    let diff = |runs, factor| {
        Diff::between(&before, &before).with_times(&samples(runs, 1), &samples(runs, factor))
    };
    let judged = |diff: &Diff| diff.times.iter().map(|t| t.judgement).collect::<Vec<_>>();
    let count = before.probes.len();
    assert!(diff(4, 3).times.is_empty());
    assert!(as_text(&diff(4, 3)).contains("times are not compared"));
    assert_eq!(judged(&diff(9, 3)), vec![Judgement::Slower; count]);
    assert_eq!(judged(&diff(9, 1)), vec![Judgement::Same; count]);
    assert_eq!(diff(9, 3).exit_code(), 0);
    let text = as_text(&diff(9, 3));
    assert!(text.contains("slower by 200 percent"), "{text}");
}

#[test]
fn every_form_says_the_same() {
    let (before, after) = before_and_after();
    let diff = Diff::between(&before, &after);
    let json = recorded::written(|out| write_json(&diff, Look::PLAIN, out));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["document"], "fwprobe.diff/1");
    assert_eq!(json["changes"][0]["change"], "regression");
    let junit = recorded::written(|out| write_junit(&diff, Look::PLAIN, out));
    let read = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    assert_eq!((read.tests, read.failures), (2, 1));
    insta::assert_snapshot!(recorded::written(|out| write_markdown(
        &diff,
        Look::PLAIN,
        out
    )));
}
