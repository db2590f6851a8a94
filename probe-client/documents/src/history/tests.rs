use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::labels::{Label, Labels, NODE};
use proptest::prelude::*;

use super::*;
use crate::conclusion::judge_again;

/// Returns a recorded run with one probe, which began `hour` hours after midnight.
fn run(hour: i64) -> RunDocument {
    static RECORDED: LazyLock<RunDocument> = LazyLock::new(|| {
        let text = include_str!("../../../core/tests/scenarios/dropped.json");
        let mut run: RunDocument = serde_json::from_str(text).unwrap();
        run.probes.truncate(1);
        judge_again(run)
    });
    let mut run = RECORDED.clone();
    let began = "2026-11-30T00:00:00Z".parse::<Timestamp>().unwrap();
    run.run.started = (began + SignedDuration::from_hours(hour)).to_string();
    run.run.id = format!("{hour:032x}");
    run
}

/// Returns a run that began at `hour`, with the given outcome and verdict.
fn with(hour: i64, outcome: Outcome, verdict: VerdictId) -> RunDocument {
    let mut run = run(hour);
    for probe in &mut run.probes {
        probe.outcome = outcome;
        probe.verdict.id = verdict;
    }
    run.summary.exit_code = match outcome {
        Outcome::AsExpected => 0,
        Outcome::NotAsExpected => 1,
        Outcome::Undecided => 3,
    };
    run
}

fn open(hour: i64) -> RunDocument {
    with(hour, Outcome::AsExpected, VerdictId::Reachable)
}

fn dropped(hour: i64) -> RunDocument {
    with(hour, Outcome::NotAsExpected, VerdictId::Dropped)
}

fn undecided(hour: i64) -> RunDocument {
    with(hour, Outcome::Undecided, VerdictId::ServerUnreachable)
}

const ALL: Window = Window {
    last: MOST_RUNS,
    since: None,
    only_changes: false,
};

fn shown(runs: impl IntoIterator<Item = RunDocument>, window: Window) -> HistoryDocument {
    let mut history = History::default();
    for run in runs {
        history.add(&run, "a.json".to_owned());
    }
    history.shown(window)
}

/// Returns the kinds of the changes of each run.
fn kinds(history: &HistoryDocument) -> Vec<Vec<ChangeKind>> {
    let runs = history.runs.iter();
    runs.map(|run| run.changes.iter().map(|c| c.change).collect())
        .collect()
}

#[test]
fn each_run_is_compared_with_the_last_that_decided() {
    use ChangeKind::{Fixed, Regression};
    let runs = [open(0), dropped(1), undecided(2), dropped(3), open(4)];
    let history = shown(runs, ALL);
    let expected = [vec![], vec![Regression], vec![], vec![], vec![Fixed]];
    assert_eq!(kinds(&history), expected);
    assert!(!history.runs[0].compared && history.runs[1].compared);
    let outcomes = &history.strips[0].strips[0].outcomes;
    let said: Vec<u8> = outcomes.iter().flatten().map(|o| o.urgency()).collect();
    assert_eq!(said, [0, 2, 1, 2, 0]);
}

#[test]
fn an_interrupted_run_is_listed_and_compared_with_none() {
    let mut interrupted = dropped(1);
    interrupted.run.complete = false;
    let history = shown([open(0), interrupted, open(2)], ALL);
    assert_eq!(kinds(&history), [vec![], vec![], vec![]]);
    assert_eq!(history.runs[1].result, RunResult::Interrupted);
    assert_eq!(history.strips[0].strips[0].outcomes.len(), 2);
}

#[test]
fn hosts_are_compared_with_themselves() {
    let mut other = dropped(1);
    other.host.name = Some("another".to_owned());
    let history = shown([open(0), other, open(2)], ALL);
    assert_eq!(kinds(&history), [vec![], vec![], vec![]]);
    assert_eq!(history.strips.len(), 2);
}

/// The nodes of a cluster that are copies of one image may all have the same host name.
#[test]
fn nodes_that_only_a_label_distinguishes_are_compared_with_themselves() {
    let of_node = |mut run: RunDocument, name: &str| {
        let label = Label::new(NODE, name).unwrap();
        run.host.labels = Labels::of(&[label], &[]).unwrap();
        run
    };
    let runs = [
        of_node(open(0), "n1"),
        of_node(dropped(1), "n2"),
        of_node(open(2), "n1"),
    ];
    let history = shown(runs, ALL);
    assert_eq!(kinds(&history), [vec![], vec![], vec![]]);
    let hosts: Vec<_> = history
        .runs
        .iter()
        .map(|r| r.series.host.as_deref())
        .collect();
    assert_eq!(hosts, [Some("n1"), Some("n2"), Some("n1")]);
}

#[test]
fn rules_that_come_and_go_are_named() {
    use ChangeKind::{Gone, New};
    let mut without = open(1);
    without.probes.clear();
    let mut other = open(4);
    for probe in &mut other.probes {
        probe.measurement.rule.id = "another".parse().unwrap();
    }
    let history = shown([open(0), without, open(2), open(3), other], ALL);
    let expected = [vec![], vec![Gone], vec![New], vec![], vec![New, Gone]];
    assert_eq!(kinds(&history), expected);
    let outcomes = &history.strips[0].strips[0].outcomes;
    assert_eq!(outcomes.len(), 5);
    assert!(outcomes[1].is_none());
}

#[test]
fn runs_outside_the_window_are_compared_and_not_shown() {
    let runs = || [open(0), dropped(1), dropped(2), open(3)];
    let last = shown(runs(), Window { last: 3, ..ALL });
    assert_eq!((last.runs.len(), last.older), (3, 1));
    assert_eq!(kinds(&last)[0], [ChangeKind::Regression]);
    let since = Some(run(3).run.started.parse().unwrap());
    let since = shown(runs(), Window { since, ..ALL });
    assert_eq!(kinds(&since), [vec![ChangeKind::Fixed]]);
    let window = Window {
        only_changes: true,
        ..ALL
    };
    let changes = shown(runs(), window);
    assert_eq!((changes.runs.len(), changes.older), (2, 0));
    assert_eq!(changes.strips[0].strips[0].outcomes.len(), 4);
}

#[test]
fn a_copy_of_a_run_counts_once() {
    assert_eq!(shown([open(0), open(0)], ALL).runs.len(), 1);
}

#[test]
fn more_runs_than_fit_push_the_oldest_out() {
    let mut history = History::default();
    let mut run = run(0);
    let began = "2026-11-30T00:00:00Z".parse::<Timestamp>().unwrap();
    for number in 0..MOST_RUNS + 3 {
        let passed = SignedDuration::from_secs(i64::try_from(number).unwrap());
        run.run.started = (began - passed).to_string();
        history.add(&run, String::new());
    }
    let history = history.shown(ALL);
    assert_eq!((history.runs.len(), history.older), (MOST_RUNS, 3));
    assert_eq!(history.runs.last().unwrap().started, began.to_string());
}

proptest! {
    #[test]
    fn the_order_of_files_does_not_matter(
        order in Just((0..6_i64).collect::<Vec<_>>()).prop_shuffle(),
        outcomes in prop::collection::vec(0..3, 6),
    ) {
        let make = |hour: i64| match outcomes[usize::try_from(hour).unwrap()] {
            0 => open(hour),
            1 => dropped(hour),
            _ => undecided(hour),
        };
        let sorted = shown((0..6).map(make), ALL);
        let shuffled = shown(order.into_iter().map(make), ALL);
        prop_assert_eq!(sorted, shuffled);
    }
}
