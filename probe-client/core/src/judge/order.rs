//! Checks that the order of the causes within a stage does not matter: every recorded run gets the same verdicts when it
//! is judged with the causes of a stage in reverse.

use std::cell::Cell;
use std::path::PathBuf;

use super::cause::{STAGES, Stage};
use super::{Evidence, cause};
use crate::recorded::Recorded;
use crate::verdict::Verdict;

thread_local! {
    static REVERSED: Cell<Option<Stage>> = const { Cell::new(None) };
}

/// Returns the verdict for a probe, with one stage in reverse; `None` if the test has chosen no stage.
pub(super) fn with_a_stage_reversed(evidence: &Evidence<'_>) -> Option<Verdict> {
    let reversed = REVERSED.get()?;
    let verdict = STAGES.iter().find_map(|(stage, causes)| {
        let first = |cause: &fn(&Evidence<'_>) -> Option<Verdict>| cause(evidence);
        if *stage == reversed {
            causes.iter().rev().find_map(first)
        } else {
            causes.iter().find_map(first)
        }
    });
    Some(verdict.unwrap_or_else(|| cause::inconclusive(evidence)))
}

#[test]
fn within_a_stage_the_order_does_not_matter() {
    let mut wrong = Vec::new();
    for (file, text) in recorded_runs() {
        let document = Recorded::read(&text);
        let expected = verdicts(&document);
        for (stage, _) in STAGES.iter().filter(|(_, causes)| causes.len() > 1) {
            REVERSED.set(Some(*stage));
            let found = verdicts(&document);
            REVERSED.set(None);
            let differing = expected.iter().zip(&found).filter(|(e, f)| e != f);
            wrong.extend(differing.map(|(e, f)| {
                let (e, f) = (&e.claim, &f.claim);
                format!("{}: {stage:?}: {e:?}, and in reverse {f:?}", file.display())
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn verdicts(document: &Recorded) -> Vec<Verdict> {
    let all = document.judged().into_iter();
    all.map(|p| p.judged.verdict).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the recorded runs are files; the core itself reads none"
)]
fn recorded_runs() -> Vec<(PathBuf, String)> {
    let folders = ["../../tests/lab/records", "tests/scenarios"];
    let files = folders.iter().flat_map(|folder| {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
        std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
    });
    let files = files.filter(|file| file.extension().is_some_and(|e| e == "json"));
    let runs: Vec<_> = files
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            (file, text)
        })
        .collect();
    assert!(runs.len() > 300, "only {} recorded runs", runs.len());
    runs
}
