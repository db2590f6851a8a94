//! Histories of recorded runs.

use probe_core::catalogue::VerdictClass;
use probe_documents::RunDocument;
use probe_documents::history::{History, MOST_RUNS, Window};

use super::*;
use crate::recorded;

fn history(runs: &[RunDocument]) -> HistoryDocument {
    let mut history = History::default();
    for (number, run) in runs.iter().enumerate() {
        let mut run = run.clone();
        run.run.started = format!("2026-11-30T0{number}:00:00.123Z");
        run.run.id = format!("{number:032x}");
        history.add(&run, format!("runs/{number}.json"));
    }
    history.shown(Window {
        last: MOST_RUNS,
        since: None,
        only_changes: false,
    })
}

/// Returns a demo six times, as runs in a row: good, with a dropped port, undecided, dropped again, interrupted, good.
fn runs_of_one_host() -> Vec<RunDocument> {
    let good = recorded::DEMO.read();
    let bad = recorded::DROPPED_BEHIND_FIRST_HOP.read();
    let dropped = bad
        .probes
        .iter()
        .find(|p| p.verdict.id.entry().class != VerdictClass::Open);
    let mut worse = good.clone();
    let from = dropped.unwrap();
    let probe = &mut worse.probes[1];
    (probe.verdict, probe.outcome) = (from.verdict.clone(), from.outcome);
    let silent = recorded::SERVER_UNREACHABLE.read();
    let mut undecided = good.clone();
    for probe in &mut undecided.probes {
        (probe.verdict, probe.outcome) =
            (silent.probes[0].verdict.clone(), silent.probes[0].outcome);
    }
    undecided.summary.exit_code = 3;
    let mut interrupted = good.clone();
    interrupted.run.complete = false;
    vec![
        good.clone(),
        worse.clone(),
        undecided,
        worse,
        interrupted,
        good,
    ]
}

fn as_text(history: &HistoryDocument, look: Look) -> String {
    recorded::written(|out| write_text(history, look, out))
}

#[test]
fn one_host_as_text() {
    let text = as_text(&history(&runs_of_one_host()), Look::PLAIN);
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn several_hosts_and_paths_as_text() {
    let mut runs = runs_of_one_host();
    runs[1].host.name = Some("another-node-with-a-very-long-name".to_owned());
    runs.push(recorded::THROUGH_PROXIES.read());
    insta::assert_snapshot!(as_text(
        &history(&runs),
        Look {
            width: 120,
            ..Look::PLAIN
        }
    ));
}

#[test]
fn no_change_is_cut_off() {
    let mut runs = runs_of_one_host();
    runs[1].host.name = Some("another-node-with-a-very-long-name".to_owned());
    runs.push(recorded::THROUGH_PROXIES.read());
    let history = history(&runs);
    let change = "regression: 443 over direct dropped";
    for (width, written) in [
        (80, format!("  FAIL 80 443 7998\n  {change}\n")),
        (160, format!("  FAIL 80 443 7998          {change}\n")),
    ] {
        let look = Look {
            width,
            ..Look::PLAIN
        };
        let text = as_text(&history, look);
        assert!(text.contains(&written), "{width}: {text}");
    }
}

#[test]
fn one_change_as_json() {
    let runs = runs_of_one_host();
    let text = recorded::written(|out| write_json(&history(&runs[..2]), out));
    insta::assert_snapshot!(text);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let history = history(&runs_of_one_host());
    let coloured = as_text(
        &history,
        Look {
            colour: true,
            ..Look::PLAIN
        },
    );
    let plain = anstyle_free(&coloured);
    assert_ne!(coloured, plain);
    assert_eq!(plain, as_text(&history, Look::PLAIN));
}

/// Returns `text` without escape sequences of colours.
fn anstyle_free(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let (_, rest) = part.split_once('m').unwrap();
        all + rest
    })
}

#[test]
fn hostile_text_is_escaped_and_long_strips_are_cut() {
    let mut runs = vec![recorded::DEMO.read(); 2];
    for run in &mut runs {
        run.host.name = Some("\u{1b}[31mred".to_owned());
        run.server.hosts = vec!["\u{202e}evil".to_owned()];
    }
    let text = as_text(&history(&runs), Look::PLAIN);
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    let mut document = history(&runs);
    let strip = &mut document.strips[0].strips[0];
    strip.outcomes = vec![strip.outcomes[0]; 300];
    let text = as_text(&document, Look::PLAIN);
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
}

#[test]
fn every_title_begins_where_its_column_begins() {
    let text = as_text(&history(&runs_of_one_host()), Look::PLAIN);
    let mut lines = text.lines().skip(1);
    let (titles, first) = (lines.next().unwrap(), lines.next().unwrap());
    for (title, cell) in [(TIME, "2026-"), (RESULT, "FAIL "), (CHANGES, "the first")] {
        let begins = titles.find(title);
        assert!(begins.is_some() && begins == first.find(cell), "{text}");
    }
    let none = as_text(&history(&[]), Look::PLAIN);
    assert!(!none.contains(TIME), "{none}");
}
