//! Checks that no claim is stronger than its evidence.
//!
//! This covers every recorded run, and each of them with some of its evidence removed. A verdict with an alternative
//! never has high confidence, and less evidence never makes a verdict firmer.

use std::path::{Path, PathBuf};

use probe_core::alternative::Alternative;
use probe_core::catalogue::VerdictId;
use probe_core::measurement::{AnswersRefused, Measurement, SightingEnd};
use probe_core::verdict::Confidence;
use probe_documents::{Probe, RunDocument, judge_again};

/// A name, and a function that removes one kind of evidence from a measurement.
type Loss = (&'static str, fn(&mut Measurement));

const LOSSES: [Loss; 6] = [
    ("no witness", |m| {
        if let Some(answer) = &mut m.sighting {
            answer.sees_every_syn = false;
            answer
                .sightings
                .retain(|s| s.end != SightingEnd::Unanswered);
        }
    }),
    ("no count of refused answers", |m| {
        if let Some(answer) = &mut m.sighting {
            answer.answers_refused = None;
        }
    }),
    ("no look at half-open connections", |m| {
        if let Some(answer) = &mut m.sighting {
            answer.sees_half_open = false;
            answer.sightings.retain(|s| s.end != SightingEnd::HalfOpen);
        }
    }),
    ("others' connections in the same time", |m| {
        if let Some(answer) = &mut m.sighting {
            answer.unattributed = true;
        }
    }),
    ("no account at all", |m| m.sighting = None),
    ("no survey", |m| m.survey = None),
];

#[test]
fn a_cause_that_is_left_open_keeps_every_verdict_from_high_confidence() {
    for (file, document) in recorded() {
        for probe in &judge_again(document).probes {
            leaves_nothing_open_if_high(&file, "as recorded", probe);
        }
    }
}

#[test]
fn less_evidence_makes_no_verdict_firmer() {
    for (file, document) in recorded() {
        let before = judge_again(document.clone());
        for (what, take) in LOSSES {
            let after = judge_again(without(&document, take));
            for (before, after) in before.probes.iter().zip(&after.probes) {
                leaves_nothing_open_if_high(&file, what, after);
                let (had, has) = (&before.verdict, &after.verdict);
                assert!(
                    had.id != has.id || has.confidence <= had.confidence,
                    "{}, {what}: {} at {} is {:?} and was {:?}: {}",
                    file.display(),
                    has.id,
                    has.segment,
                    has.confidence,
                    had.confidence,
                    has.claim
                );
            }
        }
    }
}

#[test]
fn where_answers_were_refused_no_silent_port_is_called_dropped_without_a_witness() {
    let mut silent_before = 0;
    for (file, document) in recorded() {
        let refused = without(&document, |m| {
            if let Some(answer) = &mut m.sighting {
                answer.answers_refused = Some(AnswersRefused {
                    counted: 3,
                    own_syns: 3,
                });
            }
        });
        let before = judge_again(document);
        for (before, after) in before.probes.iter().zip(&judge_again(refused).probes) {
            let answer = after.measurement.sighting.as_ref();
            let asked = answer.is_some_and(|a| !a.sees_every_syn);
            if before.verdict.id == VerdictId::Dropped && asked {
                silent_before += 1;
                let id = after.verdict.id;
                assert_ne!(id, VerdictId::Dropped, "{}", file.display());
            }
        }
    }
    assert!(silent_before > 10, "too few records of dropped ports");
}

fn leaves_nothing_open_if_high(file: &Path, what: &str, probe: &Probe) {
    let verdict = &probe.verdict;
    let said = |other: &Alternative| verdict.evidence.iter().any(|e| e == other.words());
    let named = Alternative::ALL.iter().filter(|other| said(other)).count();
    assert!(
        verdict.confidence < Confidence::High || named == 0,
        "{}, {what}: {} is of high confidence and leaves open {:?}",
        file.display(),
        verdict.id,
        verdict.alternatives
    );
    // Only an `Alternative` lowers the confidence. So every sentence with "not excluded" has to be that of an
    // alternative.
    let leaves_open = |line: &&String| line.contains("not excluded");
    for line in verdict.evidence.iter().filter(leaves_open) {
        let known = Alternative::ALL.iter().any(|other| line == other.words());
        assert!(known, "{}, {what}: {line}", file.display());
    }
    assert_eq!(named, verdict.alternatives.len(), "{}", file.display());
    assert!(verdict.alternatives.iter().all(said), "{}", file.display());
}

fn without(document: &RunDocument, take: fn(&mut Measurement)) -> RunDocument {
    let mut document = document.clone();
    let probes = document.probes.iter_mut().map(|p| &mut p.measurement);
    probes.chain(&mut document.reference_probes).for_each(take);
    document
}

/// Returns every replay record of the fault lab, and every kept run that was once judged wrongly.
#[expect(
    clippy::disallowed_methods,
    reason = "the runs are files; the core itself reads none"
)]
#[expect(
    clippy::unwrap_used,
    reason = "a record that cannot be read fails the test"
)]
fn recorded() -> impl Iterator<Item = (PathBuf, RunDocument)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/scenarios", "../../tests/lab/records"];
    let files: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    assert!(files.len() > 100, "only {} runs", files.len());
    files.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let document = serde_json::from_str(&text).unwrap();
        (path, document)
    })
}
