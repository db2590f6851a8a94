//! Differences between recorded runs.

use std::collections::BTreeSet;

use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use probe_core::catalogue::VerdictClass;
use probe_core::control_record::{ControlOutcome, ServerDescription};
use probe_core::judge::Outcome;
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
        .find(|p| p.verdict.id.entry().class == VerdictClass::Open);
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
        probe.outcome = Outcome::Undecided;
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

#[test]
fn each_kind_of_fact_is_told_alone() {
    let mut before = recorded::THROUGH_PROXIES.read();
    before.run.profile = "hpc-2008r2-sp1".parse().ok();
    before.checks = vec![Check::new(CheckId::ServicePack, CheckStatus::Pass, "SP1")];
    for fact in FACTS {
        let mut after = before.clone();
        let words = changed(&mut after, fact);
        let diff = Diff::between(&before, &after);
        let kinds: BTreeSet<FactKind> = diff.facts.iter().map(|f| f.fact).collect();
        assert_eq!(kinds, BTreeSet::from([fact]), "{:?}", diff.facts);
        let text = as_text(&diff);
        let text: Vec<&str> = text.split_whitespace().collect();
        let text = text.join(" ");
        assert!(text.contains(words), "no {words} in {text}");
    }
}

#[test]
fn runs_of_two_profiles_are_compared_by_the_rules_of_both() {
    let (before, mut after) = before_and_after();
    changed(&mut after, FactKind::Profile);
    let diff = Diff::between(&before, &after);
    assert_eq!((diff.facts.len(), diff.exit_code()), (1, 1));
    for (index, probe) in after.probes.iter_mut().enumerate() {
        probe.measurement.rule.id = format!("other-{index}").parse().unwrap();
    }
    let diff = Diff::between(&before, &after);
    let count = before.probes.len();
    assert_eq!(diff.count(ChangeKind::Gone), count, "{}", as_text(&diff));
    assert_eq!((diff.facts.len(), diff.exit_code()), (1, 3));
}

#[test]
fn other_servers_and_hosts_are_named_first() {
    let (before, after) = before_and_after();
    for (fact, words) in [
        (
            FactKind::Server,
            "the runs name different servers (10.20.3.2 before, 203.0.113.5 now)",
        ),
        (
            FactKind::Node,
            "the runs are from different hosts (head-node before, othernode now)",
        ),
    ] {
        let mut other = after.clone();
        changed(&mut other, fact);
        let diff = Diff::between(&before, &other);
        assert_eq!(diff.exit_code(), 1);
        let text = as_text(&diff);
        assert!(
            text.starts_with(&format!("warning: {words}, so ")),
            "{text}"
        );
        let markdown = recorded::written(|out| write_markdown(&diff, Look::PLAIN, out));
        let warning = format!("# fwprobe: what changed\n\n**Warning:** {words}, so ");
        assert!(markdown.starts_with(&warning), "{markdown}");
    }
}

#[test]
fn runs_in_the_wrong_order_are_named_first() {
    let (mut before, mut after) = before_and_after();
    before.run.started = "2026-11-30T08:00:00Z".to_owned();
    after.run.started = "2026-11-30T08:00:00.5Z".to_owned();
    let right = as_text(&Diff::between(&before, &after));
    assert!(right.starts_with("before: "), "{right}");
    let swapped = Diff::between(&after, &before);
    let warning = "the run named last began before the run named first, so ";
    let text = as_text(&swapped);
    assert!(text.starts_with(&format!("warning: {warning}")), "{text}");
    let markdown = recorded::written(|out| write_markdown(&swapped, Look::PLAIN, out));
    assert!(
        markdown.contains(&format!("\n\n**Warning:** {warning}")),
        "{markdown}"
    );
}

#[test]
fn new_rules_have_their_outcome_and_failures_are_counted() {
    let (good, bad) = before_and_after();
    for (after, mark, sum) in [
        (&good, "ok", "1 new rule; 1 unchanged"),
        (
            &bad,
            "FAIL",
            "1 new rule, 1 not as expected (not counted as a regression); 1 unchanged",
        ),
    ] {
        let mut before = after.clone();
        before.run.complete = true;
        before
            .probes
            .retain(|probe| probe.measurement.rule.port.get() != 5901);
        let diff = Diff::between(&before, after);
        assert_eq!((diff.count(ChangeKind::New), diff.exit_code()), (1, 0));
        let text = as_text(&diff);
        assert!(
            text.contains(&format!("\nNew\n{mark} 5901/nettcp ")),
            "{text}"
        );
        assert!(text.ends_with(&format!("\n{sum}\n")), "{text}");
        let markdown = recorded::written(|out| write_markdown(&diff, Look::PLAIN, out));
        assert!(
            markdown.contains(&format!("\n- {mark} **5901/nettcp ")),
            "{markdown}"
        );
        assert!(markdown.contains(&format!("**{sum}**")), "{markdown}");
    }
    assert_eq!(
        new_rules(3, 2),
        "3 new rules, 2 not as expected (not counted as regressions)"
    );
}

/// Changes one fact of a run, and returns words that the difference contains for that reason.
fn changed(run: &mut RunDocument, fact: FactKind) -> &'static str {
    match fact {
        FactKind::Profile => {
            run.run.profile = "other-profile".parse().ok();
            "→ other-profile"
        }
        FactKind::Server => {
            run.server.hosts = vec!["203.0.113.5".to_owned()];
            "server: 127.0.0.1 → 203.0.113.5"
        }
        FactKind::Node => {
            run.host.name = Some("othernode".to_owned());
            "host that ran fwprobe: headnode → othernode"
        }
        FactKind::Paths => {
            run.probes[0].measurement.path = "http://127.0.0.1:3128".parse().unwrap();
            "http://127.0.0.1:3128"
        }
        FactKind::Looks => {
            run.run.quick = true;
            "→ a quick run"
        }
        FactKind::Key => {
            run.server.key_id = "k00000000".to_owned();
            "client key: k777b47a2 → k00000000"
        }
        FactKind::FwprobeVersion => {
            run.run.version = "9.9.9".to_owned();
            "fwprobe's version, so verdicts may differ for that reason: 0.1.0 → 9.9.9"
        }
        FactKind::EgressAddress => {
            run.egress[0].seen = "203.0.113.9:4711".parse().unwrap();
            "127.0.0.1, 203.0.113.9"
        }
        FactKind::ServerInstance => {
            descriptions(run).for_each(|server| server.instance = "echo/000000".to_owned());
            "server instance, 127.0.0.1: echo/f723c0 → echo/000000"
        }
        FactKind::ServerVersion => {
            descriptions(run).for_each(|server| server.version = "9.9.9".to_owned());
            "server's version, 127.0.0.1: 0.1.0 → 9.9.9"
        }
        FactKind::Certificate => {
            let probes = run.probes.iter_mut();
            probes
                .filter_map(|probe| probe.measurement.certificate.as_mut())
                .for_each(|certificate| certificate.sha256 = "ab".repeat(32));
            "→ sha256:abab"
        }
        FactKind::Check => {
            run.checks = vec![Check::new(CheckId::ServicePack, CheckStatus::Fail, "none")];
            "head node, service-pack: pass: SP1 → fail: none"
        }
    }
}

/// Returns the instances of the server that described themselves.
fn descriptions(run: &mut RunDocument) -> impl Iterator<Item = &mut ServerDescription> {
    let outcomes = run.server.controls.iter_mut().map(|c| &mut c.outcome);
    outcomes.filter_map(|outcome| match outcome {
        ControlOutcome::Reached { description, .. } => Some(description),
        ControlOutcome::KeyRefused { .. }
        | ControlOutcome::Declined { .. }
        | ControlOutcome::NotReached
        | ControlOutcome::NotNeeded => None,
    })
}

/// Every kind of fact. A kind that is missing here is never compared by these tests.
const FACTS: [FactKind; 12] = [
    FactKind::Profile,
    FactKind::Server,
    FactKind::Node,
    FactKind::Paths,
    FactKind::Looks,
    FactKind::Key,
    FactKind::FwprobeVersion,
    FactKind::EgressAddress,
    FactKind::ServerInstance,
    FactKind::ServerVersion,
    FactKind::Certificate,
    FactKind::Check,
];
