use std::sync::LazyLock;

use jiff::SignedDuration;
use probe_core::catalogue::VerdictId;
use probe_core::labels::{Label, Labels, NODE};
use probe_core::verdict::Segment;
use proptest::prelude::*;

use super::*;
use crate::RunDocument;
use crate::conclusion::judge_again;
use crate::diff::ChangeKind;

/// Returns a recorded run of `node` in which both rules are as expected, and which began `hour` hours after midnight.
fn open(node: &str, hour: i64) -> RunDocument {
    static RECORDED: LazyLock<RunDocument> = LazyLock::new(|| {
        let text = include_str!("../../../core/tests/scenarios/reachable-both-families.json");
        let mut run: RunDocument = serde_json::from_str(text).unwrap();
        run.probes.truncate(2);
        let mut run = judge_again(run);
        // Merging does not read these.
        run.reference_probes.clear();
        for probe in &mut run.probes {
            probe.measurement.observations.clear();
            probe.measurement.session = None;
        }
        run
    });
    let mut run = RECORDED.clone();
    let began = "2026-11-30T00:00:00Z".parse::<Timestamp>().unwrap();
    run.run.started = (began + SignedDuration::from_hours(hour)).to_string();
    run.host.name = Some(node.to_owned());
    run
}

/// Returns the same run with its last rule dropped at `hop`.
fn dropped(node: &str, hour: i64, hop: Option<u8>) -> RunDocument {
    let mut run = open(node, hour);
    let last = run.probes.last_mut().unwrap();
    last.outcome = Outcome::NotAsExpected;
    last.verdict.id = VerdictId::Dropped;
    last.verdict.segment = Segment::Path { hop, address: None };
    run
}

/// Returns the same run with its last rule undecided.
fn undecided(node: &str, hour: i64) -> RunDocument {
    let mut run = open(node, hour);
    let last = run.probes.last_mut().unwrap();
    last.outcome = Outcome::Undecided;
    last.verdict.id = VerdictId::ServerUnreachable;
    run
}

/// Adds `run`, read as from a file.
fn add(merge: &mut Merge, source: &str, run: &RunDocument) {
    let text = serde_json::to_string(run).unwrap();
    merge.add(source, &serde_json::from_str(&text).unwrap());
}

fn fold_of(runs: &[RunDocument]) -> Merge {
    let mut merge = Merge::default();
    for (number, run) in runs.iter().enumerate() {
        add(&mut merge, &format!("{number}.json"), run);
    }
    merge
}

fn merged(runs: &[RunDocument]) -> MergeDocument {
    fold_of(runs).merged(None)
}

/// Returns the names of each group.
fn names(document: &MergeDocument) -> Vec<String> {
    let groups = document.groups.iter();
    groups.map(|group| group.nodes.names.join(",")).collect()
}

#[test]
fn nodes_with_the_same_answer_are_one_group_and_failures_come_first() {
    let mut runs: Vec<RunDocument> = (1..=9).map(|n| open(&format!("n{n:03}"), n)).collect();
    runs.push(undecided("n010", 0));
    runs.push(dropped("n011", 0, Some(3)));
    runs.push(dropped("n012", 0, Some(4)));
    let document = merged(&runs);
    assert_eq!(names(&document), ["n[011-012]", "n010", "n[001-009]"]);
    let failing = &document.groups[0];
    assert_eq!(failing.outcome, Outcome::NotAsExpected);
    assert_eq!(failing.example, "10.json");
    let hops: Vec<_> = failing.rows[1]
        .devices
        .iter()
        .map(|d| (d.device.hop, d.nodes))
        .collect();
    assert_eq!(hops, [(Some(3), 1), (Some(4), 1)]);
    assert_eq!(failing.rows[1].place, Place::Path);
    assert_eq!(document.undecided.names, ["n010"]);
    let summary = document.summary;
    assert_eq!((summary.nodes, summary.as_expected), (12, 9));
    assert_eq!((summary.not_as_expected, summary.undecided), (2, 1));
    assert_eq!(summary.exit_code, 1);
}

#[test]
fn the_smaller_of_two_failing_groups_comes_first() {
    let mut other = dropped("n4", 0, None);
    other.probes[1].verdict.id = VerdictId::Rejected;
    let runs = [dropped("n1", 0, None), dropped("n2", 0, None), other];
    assert_eq!(names(&merged(&runs)), ["n4", "n[1-2]"]);
}

#[test]
fn rows_are_in_the_order_of_their_ports() {
    let mut run = dropped("n1", 0, Some(3));
    run.probes[0].measurement.rule.id = "z".parse().unwrap();
    let document = merged(&[run]);
    let rows = document.groups[0].rows.iter();
    let rows: Vec<(u16, usize)> = rows
        .map(|row| (row.question.port, row.devices.len()))
        .collect();
    assert_eq!(rows, [(443, 0), (5901, 1)]);
}

#[test]
fn files_that_are_not_runs_are_not_an_answer() {
    let mut merge = Merge::default();
    merge.leave_out("a.json", UnreadKind::Foreign, "it is not JSON");
    assert!(merge.is_empty() && merge.unread().count == 1);
    assert!(!fold_of(&[open("n1", 0)]).is_empty());
}

#[test]
fn the_matrix_has_a_cell_for_each_group() {
    let mut short = dropped("n3", 0, None);
    short.probes.remove(0);
    let document = merged(&[open("n1", 0), dropped("n2", 0, None), short]);
    assert_eq!(names(&document), ["n2", "n3", "n1"]);
    let cells: Vec<Vec<Option<u8>>> = document
        .matrix
        .iter()
        .map(|row| {
            row.cells
                .iter()
                .map(|cell| cell.map(|c| c.outcome.urgency()))
                .collect()
        })
        .collect();
    assert_eq!(
        cells,
        [
            vec![Some(0), None, Some(0)],
            vec![Some(2), Some(2), Some(0)]
        ]
    );
}

#[test]
fn an_answer_for_no_family_is_about_the_families_of_other_nodes() {
    let mut unresolved = undecided("n1", 0);
    for probe in &mut unresolved.probes {
        probe.measurement.address = None;
    }
    let document = merged(&[unresolved, open("n2", 0)]);
    assert_eq!(document.matrix.len(), 2);
    for row in &document.matrix {
        assert!(row.question.family.is_some() && row.cells.iter().all(Option::is_some));
    }
}

#[test]
fn only_the_newest_run_of_a_node_counts() {
    let runs = [
        open("n1", 2),
        dropped("n1", 1, None),
        dropped("n1", 0, None),
        open("n2", 0),
    ];
    let document = merged(&runs);
    assert_eq!(names(&document), ["n[1-2]"]);
    assert_eq!(document.summary.exit_code, 0);
    assert_eq!(document.duplicates.runs, 2);
    assert_eq!(document.duplicates.nodes.names, ["n1"]);
}

#[test]
fn a_run_without_a_host_is_a_node_of_its_own() {
    let mut run = open("n1", 0);
    run.host.name = None;
    let document = merged(&[run.clone(), open("n1", 0)]);
    assert_eq!(document.summary.nodes, 2);
    assert_eq!(names(&document), [format!("{},n1", run.run.id)]);
}

#[test]
fn a_label_names_nodes_whose_hosts_have_one_name() {
    let labelled = |name: &str| {
        let mut run = open("vm", 0);
        let label = Label::new(NODE, name).unwrap();
        run.host.labels = Labels::of(&[label], &[]).unwrap();
        run
    };
    let document = merged(&[labelled("n1"), labelled("n2"), open("vm", 0)]);
    assert_eq!(names(&document), ["n[1-2],vm"]);
    assert_eq!(document.duplicates.runs, 0);
}

#[test]
fn facts_are_counted_and_split_no_group() {
    let mut newer = open("n2", 0);
    newer.run.version = "9.9.9".to_owned();
    let document = merged(&[open("n1", 0), newer, open("n3", 0)]);
    assert_eq!(names(&document), ["n[1-3]"]);
    let versions = document.versions.iter();
    let versions = versions.filter(|count| count.fact == FactKind::FwprobeVersion);
    let versions: Vec<(&str, usize)> = versions.map(|v| (v.value.as_str(), v.nodes)).collect();
    assert_eq!(versions, [("0.1.0", 2), ("9.9.9", 1)]);
}

#[test]
fn an_address_is_counted_once_for_each_node() {
    let with = |node: &str, seen: &[&str]| {
        let mut run = open(node, 0);
        let known = run.egress[0].clone();
        run.egress = seen
            .iter()
            .map(|seen| crate::egress::Egress {
                seen: seen.parse().unwrap(),
                ..known.clone()
            })
            .collect();
        run
    };
    let document = merged(&[
        with("n1", &["192.0.2.7:1", "192.0.2.7:2"]),
        with("n2", &["[::ffff:192.0.2.9]:1", "192.0.2.7:1"]),
    ]);
    let counts: Vec<(String, usize)> = document
        .egress
        .iter()
        .map(|count| (count.address.to_string(), count.nodes))
        .collect();
    let expected = [("192.0.2.7".to_owned(), 2), ("192.0.2.9".to_owned(), 1)];
    assert_eq!(counts, expected);
}

#[test]
fn missing_and_unexpected_nodes_are_named() {
    let expected = unfold("n[001-003]").unwrap();
    let document = fold_of(&[open("n001", 0), open("x", 0)]).merged(Some(&expected));
    let (missing, unexpected) = (document.missing.unwrap(), document.unexpected.unwrap());
    assert_eq!(
        (missing.count, missing.names),
        (2, vec!["n[002-003]".to_owned()])
    );
    assert_eq!(unexpected.names, ["x"]);
    assert_eq!(
        (document.summary.missing, document.summary.exit_code),
        (2, 3)
    );
}

#[test]
fn an_interrupted_run_is_undecided() {
    let mut run = open("n1", 0);
    run.run.complete = false;
    let document = merged(&[run, open("n2", 0)]);
    assert_eq!(names(&document), ["n1", "n2"]);
    assert!(document.groups[0].interrupted);
    assert_eq!(document.summary.exit_code, 3);
}

#[test]
fn files_that_were_left_out_are_counted_and_some_are_named() {
    let mut merge = fold_of(&[open("n1", 0)]);
    for number in 0..60 {
        merge.leave_out(
            &format!("{number}.json"),
            UnreadKind::Foreign,
            "it is not JSON",
        );
    }
    merge.leave_out("last", UnreadKind::CutOff, &"x".repeat(10_000));
    let document = merge.merged(None);
    let unread = document.unread;
    assert_eq!((unread.count, unread.named.len()), (61, 50));
    let kinds: Vec<_> = unread
        .kinds
        .iter()
        .map(|count| (count.kind, count.files))
        .collect();
    assert_eq!(kinds, [(UnreadKind::CutOff, 1), (UnreadKind::Foreign, 60)]);
    assert_eq!(document.summary.exit_code, 3);
}

#[test]
fn a_name_that_no_host_can_have_is_left_out() {
    let document = merged(&[open(&"n".repeat(MAX_NAME + 1), 0)]);
    assert_eq!(document.unread.named[0].kind, UnreadKind::Damaged);
    assert_eq!(document.summary.nodes, 0);
}

#[test]
fn nodes_with_the_same_change_are_one_group_and_regressions_come_first() {
    let earlier = fold_of(&[
        open("n1", 0),
        open("n2", 0),
        dropped("n3", 0, None),
        open("n4", 0),
        open("gone", 0),
    ]);
    let later = fold_of(&[
        dropped("n1", 24, Some(3)),
        dropped("n2", 24, Some(4)),
        open("n3", 24),
        open("n4", 24),
        open("new", 24),
    ]);
    let changes = later.changes_since(&earlier);
    let groups = changes.groups.iter();
    let groups: Vec<(ChangeKind, String)> = groups
        .map(|group| (group.rows[0].change, group.nodes.names.join(",")))
        .collect();
    let expected = [
        (ChangeKind::Regression, "n[1-2]".to_owned()),
        (ChangeKind::Fixed, "n3".to_owned()),
    ];
    assert_eq!(groups, expected);
    let row = &changes.groups[0].rows[0];
    assert_eq!(changes.groups[0].rows.len(), 1);
    assert_eq!(row.question.rule.as_str(), "port-5901-nettcp");
    let verdicts = [row.before, row.after].map(|answer| answer.unwrap().verdict);
    assert_eq!(verdicts, [VerdictId::Reachable, VerdictId::Dropped]);
    assert_eq!(changes.unchanged, 1);
    assert_eq!(
        (changes.new.names, changes.gone.names),
        (vec!["new".to_owned()], vec!["gone".to_owned()])
    );
}

#[test]
fn an_undecided_or_interrupted_run_is_not_comparable() {
    let mut short = open("n2", 24);
    short.probes.pop();
    short.run.complete = false;
    let later = fold_of(&[undecided("n1", 24), short]);
    let changes = later.changes_since(&fold_of(&[open("n1", 0), open("n2", 0)]));
    let all = changes.groups.iter().flat_map(|group| &group.rows);
    let kinds: Vec<ChangeKind> = all.map(|row| row.change).collect();
    assert_eq!(kinds, [ChangeKind::NotComparable; 2]);
    let now: Vec<bool> = changes
        .groups
        .iter()
        .map(|group| group.rows[0].after.is_some())
        .collect();
    assert!(now.contains(&true) && now.contains(&false), "{now:?}");
}

#[test]
fn ten_nodes_of_many_that_changed_are_named() {
    let names = (0..200_u16).map(|number| format!("n{number:03}"));
    let names: Vec<String> = names.collect();
    let earlier: Vec<RunDocument> = names.iter().map(|name| open(name, 0)).collect();
    let mut later: Vec<RunDocument> = names.iter().map(|name| open(name, 24)).collect();
    for run in later.iter_mut().skip(7).step_by(20) {
        let name = run.host.name.take().unwrap();
        *run = dropped(&name, 24, Some(3));
    }
    let changes = fold_of(&later).changes_since(&fold_of(&earlier));
    let expected = "n[007,027,047,067,087,107,127,147,167,187]";
    assert_eq!(changes.groups.len(), 1);
    assert_eq!(changes.groups[0].nodes.count, 10);
    assert_eq!(changes.groups[0].nodes.names, [expected]);
    assert_eq!(changes.groups[0].rows[0].change, ChangeKind::Regression);
    assert_eq!(changes.unchanged, 190);
    assert_eq!((changes.new.count, changes.gone.count), (0, 0));
}

#[test]
fn many_nodes_share_few_answers() {
    let mut merge = Merge::default();
    for number in 0..200_u16 {
        let run = match number % 3 {
            0 => open(&format!("n{number}"), 0),
            1 => dropped(&format!("n{number}"), 0, Some(3)),
            _ => undecided(&format!("n{number}"), 0),
        };
        add(&mut merge, &format!("{number}.json"), &run);
    }
    assert_eq!(merge.nodes.len(), 200);
    assert_eq!((merge.answers.len(), merge.asides.len()), (3, 2));
    assert_eq!(merge.addresses.len(), 1);
}

#[test]
fn the_same_runs_change_nothing() {
    let runs = [open("n1", 0), dropped("n2", 0, Some(3)), undecided("n3", 0)];
    let changes = fold_of(&runs).changes_since(&fold_of(&runs[..2]));
    assert_eq!((changes.groups.len(), changes.unchanged), (0, 2));
    assert_eq!(changes.new.names, ["n3"]);
}

proptest! {
    #[test]
    fn the_order_of_runs_does_not_matter(
        runs in prop::collection::vec((0..5_u8, 0..3_i64, 0..3_u8), 1..12)
            .prop_flat_map(|runs| (Just(runs.clone()), Just(runs).prop_shuffle())),
    ) {
        let document = |runs: &[(u8, i64, u8)]| {
            let mut merge = Merge::default();
            for &(node, hour, kind) in runs {
                let name = format!("n{node}");
                let run = match kind {
                    0 => open(&name, hour),
                    1 => dropped(&name, hour, None),
                    _ => undecided(&name, hour),
                };
                add(&mut merge, &format!("{node}-{hour}-{kind}.json"), &run);
            }
            merge.merged(None)
        };
        let (sorted, shuffled) = (document(&runs.0), document(&runs.1));
        let nodes: usize = sorted.groups.iter().map(|group| group.nodes.count).sum();
        prop_assert_eq!(nodes, sorted.summary.nodes);
        prop_assert_eq!(sorted, shuffled);
    }
}
