//! Finds statements of a document that its own probes contradict. No run writes such a document: somebody edited it.

use jiff::Timestamp;
use probe_core::judge::Fulfilment;

use crate::answered_probe::AnsweredProbe;
use crate::conclusion::summary;
use crate::{RunDocument, RunFacts, Summary};

/// Returns the statements that contradict the rest of `document`, each in words.
pub fn contradictions(document: &RunDocument) -> Vec<String> {
    let skipped = document.skipped.len();
    between(&document.run, &document.probes, skipped, &document.summary)
}

/// Returns the contradictions between the parts of a document: `run`, `probes`, the number of skipped rules, and the
/// `stated` summary.
pub(crate) fn between<P: AnsweredProbe>(
    run: &RunFacts,
    probes: &[P],
    skipped: usize,
    stated: &Summary,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, time) in [
        ("run.started", &run.started),
        ("run.finished", &run.finished),
    ] {
        if time.parse::<Timestamp>().is_err() {
            wrong.push(format!(
                "`{name}` is not a time in RFC 3339, as in 2026-11-30T05:34:00Z"
            ));
        }
    }
    let time = |text: &String| text.parse::<Timestamp>().ok();
    if let (Some(started), Some(finished)) = (time(&run.started), time(&run.finished))
        && finished < started
    {
        wrong.push("`run.finished` is before `run.started`".to_owned());
    }
    wrong.extend(probes.iter().enumerate().filter_map(of_probe));
    let counted = summary(probes, skipped);
    for (name, stated, counted) in [
        ("probes", stated.probes, counted.probes),
        ("as_expected", stated.as_expected, counted.as_expected),
        (
            "not_as_expected",
            stated.not_as_expected,
            counted.not_as_expected,
        ),
        ("undecided", stated.undecided, counted.undecided),
        ("skipped", stated.skipped, counted.skipped),
        (
            "exit_code",
            stated.exit_code.into(),
            counted.exit_code.into(),
        ),
    ] {
        if stated != counted {
            wrong.push(format!(
                "`summary.{name}` is {stated}, and the probes make it {counted}"
            ));
        }
    }
    wrong
}

/// Returns the contradiction between a probe's outcome and its verdict, if there is one.
fn of_probe((index, probe): (usize, &impl AnsweredProbe)) -> Option<String> {
    let expected = probe.rule().expect;
    let verdict = probe.verdict();
    let outcome = Fulfilment::of(verdict, expected).outcome();
    (outcome != probe.outcome()).then(|| {
        format!(
            "`probes[{index}].outcome` does not follow from the verdict `{verdict}` where \
             `{expected}` is expected"
        )
    })
}

#[cfg(test)]
mod tests {
    use probe_core::judge::Outcome;

    use super::*;
    use crate::Probe;

    fn recorded() -> RunDocument {
        let text = include_str!("../../core/tests/scenarios/dropped.json");
        crate::judge_again(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn what_was_edited_is_named() {
        assert_eq!(contradictions(&recorded()), [""; 0]);
        let mut edited = recorded();
        edited.summary.not_as_expected = 0;
        edited.summary.exit_code = 0;
        edited.run.started = "yesterday".to_owned();
        let wrong = contradictions(&edited);
        let named = |name: &str| wrong.iter().any(|text| text.starts_with(name));
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert!(named("`run.started` is not a time"), "{wrong:?}");
        assert!(named("`summary.not_as_expected` is 0, and"), "{wrong:?}");
        assert!(named("`summary.exit_code` is 0, and"), "{wrong:?}");
    }

    #[test]
    fn a_run_does_not_end_before_it_began() {
        let mut edited = recorded();
        std::mem::swap(&mut edited.run.started, &mut edited.run.finished);
        assert_eq!(
            contradictions(&edited),
            ["`run.finished` is before `run.started`"]
        );
    }

    #[test]
    fn an_outcome_that_no_verdict_has_is_named() {
        let mut edited = recorded();
        let failed = |p: &Probe| p.outcome == Outcome::NotAsExpected;
        let index = edited.probes.iter().position(failed).unwrap();
        edited.probes[index].outcome = Outcome::AsExpected;
        let wrong = contradictions(&edited);
        assert!(
            wrong[0].starts_with(&format!("`probes[{index}].outcome`")),
            "{wrong:?}"
        );
    }
}
