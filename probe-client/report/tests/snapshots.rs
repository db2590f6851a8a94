//! Writes one run in every format and compares each report with a snapshot. The run is put together
//! from recorded ones: it has each of their verdicts, several paths, both address families, skipped
//! rules and checks, and it was interrupted.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the recorded runs from files, and fail if they cannot"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::plan::SkippedRule;
use probe_core::profile::Untestable;
use probe_documents::{Probe, RunDocument, Summary, judge_again};
use probe_report::format::TABLE;
use probe_report::{FORMATS, Look, Report, write};

#[test]
fn one_run_with_every_verdict_in_every_format() {
    let document = every_verdict();
    for format in &FORMATS {
        let mut out = Vec::new();
        write(format, &document, Look::PLAIN, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        if format.name == "json" {
            // The document itself needs no snapshot: it must be the same when read back.
            assert_eq!(
                serde_json::from_str::<RunDocument>(&text).unwrap(),
                document
            );
            continue;
        }
        // The styles are not part of the snapshot.
        let text = match (text.split_once("<style>"), text.split_once("</style>")) {
            (Some((head, _)), Some((_, body))) => format!("{head}{body}"),
            _ => text,
        };
        insta::assert_snapshot!(format.name, text);
    }
}

/// A run with a silent session has a table of its own kind, and a run over several paths has a matrix.
#[test]
fn the_table_in_each_of_its_forms() {
    let mut several_paths = every_verdict();
    let silent = |probe: &Probe| probe.measurement.silence.is_some();
    several_paths.probes.retain(|probe| !silent(probe));
    let mut one_path = several_paths.clone();
    let direct = |probe: &Probe| probe.measurement.path.proxy().is_none();
    one_path.probes.retain(direct);
    let text = std::fs::read_to_string(Path::new(RECORDS).join("idle-flow-forgotten.json"));
    let idle = judge_again(serde_json::from_str(&text.unwrap()).unwrap());
    assert!(idle.probes.iter().any(silent));
    for (name, document) in [
        ("table-of-several-paths", several_paths),
        ("table-of-one-path", one_path),
        ("table-of-an-idle-run", idle),
    ] {
        let mut out = Vec::new();
        write(TABLE, &counted(document), Look::PLAIN, &mut out).unwrap();
        insta::assert_snapshot!(name, String::from_utf8(out).unwrap());
    }
}

#[test]
fn the_run_has_what_the_snapshots_promise() {
    let document = every_verdict();
    let found: BTreeSet<VerdictId> = document.probes.iter().map(|p| p.verdict.id).collect();
    for id in VerdictId::ALL {
        assert!(found.contains(id), "no recorded run has {id}");
    }
    let report = Report::of(&document);
    assert!(report.paths.len() > 2, "{:?}", report.paths);
    let families: BTreeSet<bool> = document
        .probes
        .iter()
        .filter_map(|p| Some(p.measurement.address?.is_ipv6()))
        .collect();
    assert_eq!(families.len(), 2);
    assert!(!document.checks.is_empty() && !document.run.complete);
    assert!(!report.request.asked.is_empty() && !report.request.not_asked.is_empty());
}

/// Returns a run with the first recorded probe of each verdict, as judged in its own run.
fn every_verdict() -> RunDocument {
    let text = include_str!("../../core/tests/scenarios/demo.json");
    let mut document: RunDocument = judge_again(serde_json::from_str(text).unwrap());
    document.probes.clear();
    let mut found = BTreeSet::new();
    for path in files(SCENARIOS).into_iter().chain(files(RECORDS)) {
        let text = std::fs::read_to_string(path).unwrap();
        let mut run = judge_again(serde_json::from_str(&text).unwrap());
        run.probes.retain(|probe| found.insert(probe.verdict.id));
        if !run.probes.is_empty() {
            document.probes.extend(run.probes);
            document.server.controls.extend(run.server.controls);
            document.reference_probes.extend(run.reference_probes);
        }
    }
    document.run.complete = false;
    document.skipped = vec![SkippedRule {
        id: "notify".parse().unwrap(),
        port: "9087".parse().unwrap(),
        purpose: "notifications from the nodes".to_owned(),
        because: Untestable::Inbound,
    }];
    let statuses = [
        CheckStatus::Pass,
        CheckStatus::Warn,
        CheckStatus::Fail,
        CheckStatus::Skipped,
    ];
    let checks = CheckId::ALL.iter().zip(statuses);
    document.checks = checks
        .map(|(id, status)| Check::new(*id, status, format!("this one is {}", status.name())))
        .collect();
    counted(document)
}

/// Returns the run with the summary of its probes.
fn counted(mut document: RunDocument) -> RunDocument {
    let count = |outcome| {
        let all = document.probes.iter();
        all.filter(|p| p.outcome == outcome).count()
    };
    document.summary = Summary {
        probes: document.probes.len(),
        as_expected: count(Outcome::AsExpected),
        not_as_expected: count(Outcome::NotAsExpected),
        undecided: count(Outcome::Undecided),
        skipped: document.skipped.len(),
        exit_code: 1,
    };
    document
}

/// Returns the files of `folder` in the order of their names.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/scenarios");
const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lab/records");
