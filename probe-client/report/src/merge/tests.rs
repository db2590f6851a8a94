//! The answer of nodes with recorded runs.

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::verdict::Segment;
use probe_documents::RunDocument;
use probe_documents::merge::{Merge, unfold};
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::recorded;

/// Returns a run of `node` in which two ports are open.
fn open(node: &str) -> RunDocument {
    let mut run = recorded::BOTH_FAMILIES.read();
    run.probes.truncate(2);
    run.egress.truncate(1);
    run.host.name = Some(node.to_owned());
    run
}

/// Returns the same run with the second port dropped.
fn dropped(node: &str) -> RunDocument {
    let mut run = open(node);
    let probe = &mut run.probes[1];
    probe.outcome = Outcome::NotAsExpected;
    probe.verdict.id = VerdictId::Dropped;
    probe.verdict.segment = Segment::Path {
        hop: Some(3),
        address: Some("192.0.2.1".parse().unwrap()),
    };
    run
}

fn merge(runs: &[RunDocument]) -> Merge {
    let mut merge = Merge::default();
    for (run, number) in runs.iter().zip(1..) {
        let run = serde_json::to_string(run).unwrap();
        let run = serde_json::from_str(&run).unwrap();
        merge.add(&format!("{number}.json"), &run);
    }
    merge
}

fn as_text(merge: &MergeDocument) -> String {
    recorded::written(|out| write_text(merge, Look::PLAIN, out))
}

#[test]
fn the_odd_node_comes_first() {
    let runs = [open("n001"), open("n002"), dropped("n003")];
    let text = as_text(&merge(&runs).merged(None));
    let expected = "\
FAIL 1 node: 1 of 2 tests not as expected
  n003
  FAIL 5901/nettcp (port-5901-nettcp) over direct, IPv4: dropped at path: hop 3 192.0.2.1 (1 node)
  file: 3.json
ok 2 nodes: 2 tests as expected
  n[001-002]

  over direct
  443/https (port-443-https)      ..
  5901/nettcp (port-5901-nettcp)  F.
  groups as above: . as expected, F not as expected, ? undecided, - not tested

  seen by the server: over direct from 10.20.0.2 (3 nodes)
3 nodes in 2 groups: 2 as expected, 1 not as expected
";
    assert_eq!(text, expected);
}

#[test]
fn everything_that_is_not_in_a_group_is_told() {
    let mut newer = open("n002");
    newer.run.version = "9.9.9".to_owned();
    let mut merge = merge(&[open("n001"), newer, open("n001")]);
    for name in ["a.json", "b.json"] {
        merge.leave_out(name, UnreadKind::CutOff, &format!("{name} is cut off"));
    }
    let expected = unfold("n[001-003]").unwrap();
    let text = as_text(&merge.merged(Some(&expected)));
    for line in [
        "differs: fwprobe's version: 0.1.0 (1 node), 9.9.9 (1 node)",
        "missing: 1 node: n003",
        "more than one run: 1 older run left out, of n001",
        "not read: 2 cut off",
        "a.json is cut off",
    ] {
        assert!(text.contains(line), "it lacks {line}:\n{text}");
    }
    let last = "2 nodes in 1 group: 2 as expected; 1 missing; 2 files not read\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn names_that_differ_in_leading_zeros_are_explained() {
    let told = |list: &str| {
        let expected = unfold(list).unwrap();
        let text = as_text(&merge(&[open("n001"), open("n002")]).merged(Some(&expected)));
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ")
    };
    let hint = "hint: n1 is expected and n001 has a run: write leading zeros as the nodes do";
    assert!(told("n[1-2]").contains(hint), "{}", told("n[1-2]"));
    assert!(!told("n[001-003]").contains("hint:"));
}

#[test]
fn hostile_names_are_escaped_and_long_lists_are_cut() {
    let mut runs = vec![open("\u{1b}[31mred"), open("\u{202e}evil")];
    let one = runs[0].clone();
    runs.extend((0..400).map(|number| {
        let mut run = one.clone();
        run.host.name = Some(format!("{}x{}", "y".repeat(number % 7), number * 2));
        run
    }));
    let document = merge(&runs).merged(None);
    let text = as_text(&document);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("(all of them: --format json)"), "{text}");
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    let csv = recorded::written(|out| write_csv(&document, Look::PLAIN, out));
    assert!(!csv.contains(['\u{1b}', '\u{202e}']), "{csv}");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let document = merge(&[open("n1"), dropped("n2")]).merged(None);
    let look = Look {
        colour: true,
        ..Look::PLAIN
    };
    let coloured = recorded::written(|out| write_text(&document, look, out));
    let plain = anstream::adapter::strip_str(&coloured).to_string();
    assert_ne!(coloured, plain);
    assert_eq!(plain, as_text(&document));
}

#[test]
fn a_spreadsheet_has_a_row_for_each_test_and_each_loss() {
    let mut merge = merge(&[open("n001"), open("n002"), dropped("n003")]);
    merge.leave_out("=a.json", UnreadKind::Foreign, "=a.json is not JSON");
    let expected = unfold("n[001-005]").unwrap();
    let document = merge.merged(Some(&expected));
    let text = recorded::written(|out| write_csv(&document, Look::PLAIN, out));
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let records: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, column: &str| {
        let index = columns.iter().position(|name| name == column).unwrap();
        records[row][index].to_owned()
    };
    assert_eq!(records.len(), 2 * 2 + 1 + 1);
    assert_eq!(cell(1, "names"), "n003");
    assert_eq!(cell(1, "verdict"), "dropped");
    assert_eq!(cell(1, "devices"), "hop 3 192.0.2.1 (1)");
    assert_eq!(cell(2, "names"), "n[001-002]");
    assert_eq!(cell(2, "state"), "as-expected");
    assert_eq!(cell(4, "state"), "missing");
    assert_eq!(cell(4, "names"), "n[004-005]");
    assert_eq!(cell(5, "state"), "not-read");
    assert_eq!(cell(5, "file"), "'=a.json");
}

/// Returns three nodes, of which the last was open before.
fn since_yesterday() -> MergeDocument {
    let earlier = merge(&[open("n001"), open("n002"), open("n003")]);
    let later = merge(&[open("n001"), open("n002"), dropped("n003")]);
    let changes = later.changes_since(&earlier);
    let mut document = later.merged(None);
    document.changes = Some(changes);
    document
}

#[test]
fn changes_since_earlier_runs_are_below_the_groups() {
    let text = as_text(&since_yesterday());
    assert!(
        text.contains("\nchanged since the earlier runs\n  1 node: n003\n    regression: "),
        "{text}"
    );
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    for part in [
        "regression: 5901/nettcp (port-5901-nettcp) over direct, IPv4: reachable → dropped at path",
        "unchanged: 2 nodes",
    ] {
        assert!(words.contains(part), "it lacks {part}:\n{text}");
    }
}

#[test]
fn a_page_shows_the_odd_node_and_what_changed_and_loads_nothing() {
    let document = since_yesterday();
    let page = recorded::written(|out| write_html(&document, Look::PLAIN, out));
    // Slashes are escaped in the page.
    for part in [
        "<h1>3 nodes in 2 groups: 2 as expected, 1 not as expected</h1>",
        "<p class=\"claim\">n003</p>",
        "<p class=\"claim\">n[001-002]</p>",
        "(port-5901-nettcp) over direct, IPv4: dropped at path: hop 3 192.0.2.1 (1 node)",
        "(port-5901-nettcp) over direct, IPv4: reachable → dropped at path</li>",
        "<dt>seen by the server</dt><dd>over direct from 10.20.0.2 (3 nodes)</dd>",
        "<a href=\"#group-2\">2</a>",
    ] {
        assert!(page.contains(part), "it lacks {part}:\n{page}");
    }
    for forbidden in ["<script", "src=", "@import", "url(", " style="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn a_page_escapes_hostile_names() {
    let document = merge(&[open("<b>\u{1b}[31m"), open("n1")]).merged(None);
    let page = recorded::written(|out| write_html(&document, Look::PLAIN, out));
    assert!(page.contains("&lt;b&gt;"), "{page}");
    assert!(!page.contains('\u{1b}'), "{page}");
}

#[test]
fn json_has_the_name_of_its_format() {
    let document = merge(&[open("n1")]).merged(None);
    let text = recorded::written(|out| write_json(&document, Look::PLAIN, out));
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["document"], "fwprobe.merge/1");
    assert_eq!(read["groups"][0]["nodes"]["names"][0], "n1");
    assert_eq!(read["groups"][0]["rows"][0]["rule"], "port-443-https");
    assert!(read.get("missing").is_none());
}
