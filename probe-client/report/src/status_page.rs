//! Writes the status page of a watch: the last run as ports against paths, the outcomes of the last runs, and the
//! changes. It is one page without scripts, readable without its styles.

use std::io;

use minijinja::context;
use probe_core::judge::Outcome;
use probe_documents::RunDocument;
use probe_documents::watch::{ConfirmedChange, Recent, StatusStrip, rows};
use serde::Serialize;

use crate::html::{self, STYLE, matrix::Matrix};
use crate::metrics::WatchFigures;
use crate::rows::Report;
use crate::templating::value;

/// The contents of the page.
#[derive(Clone, Copy, Debug)]
pub struct StatusPage<'a> {
    /// The last run; `None` if none has ended yet.
    pub run: Option<&'a RunDocument>,
    pub recent: &'a Recent,
    /// The changes that two runs in a row confirmed, newest first.
    pub changes: &'a [PastChange],
    pub figures: &'a WatchFigures,
}

/// A change, and the time of the run that confirmed it.
#[derive(Clone, Debug, Serialize)]
pub struct PastChange {
    pub time: String,
    #[serde(flatten)]
    pub change: ConfirmedChange,
}

impl StatusPage<'_> {
    /// Returns the page.
    ///
    /// # Errors
    ///
    /// The template fails.
    pub fn write(&self) -> io::Result<String> {
        let report = self.run.map(Report::of);
        let strips = self.run.map(|run| strips(run, self.recent));
        let values = context! {
                report => value(&report),
                matrix => value(&report.as_ref().map(Matrix::of)),
                strips => value(&strips.unwrap_or_default()),
                changes => value(&self.changes),
                interval => self.figures.interval.as_secs(),
                runs => self.figures.as_expected + self.figures.not_as_expected + self.figures.undecided,
                version => value(&self.figures.version),
                style => format!("{STYLE}{OWN_STYLE}"),
        };
        html::page("status.html", TEMPLATE, &values)
    }
}

/// The outcomes of one rule over one path.
#[derive(Debug, Serialize)]
struct StripRow {
    rule: String,
    path: String,
    /// The outcomes in words.
    words: String,
    width: usize,
    bars: Vec<Bar>,
}

/// One run in a strip.
#[derive(Debug, Eq, PartialEq, Serialize)]
struct Bar {
    x: usize,
    y: usize,
    height: usize,
    outcome: Outcome,
    /// The colour for viewers without styles.
    fill: &'static str,
}

fn strips(run: &RunDocument, recent: &Recent) -> Vec<StripRow> {
    let rows = rows(run, None).into_iter().map(|row| {
        let (rule, path) = (row.rule().to_string(), row.path());
        let strip = recent.strip(&rule, &path);
        StripRow {
            words: words(&strip),
            width: strip.outcomes.len().max(1) * STEP,
            bars: bars(&strip),
            rule,
            path,
        }
    });
    rows.collect()
}

fn bars(strip: &StatusStrip) -> Vec<Bar> {
    let runs = strip.outcomes.iter().enumerate();
    let bars = runs.filter_map(|(at, (_, outcome))| {
        let outcome = (*outcome)?;
        // The height also tells outcomes apart, for readers who do not see the colours.
        let (height, fill) = match outcome {
            Outcome::AsExpected => (HEIGHT / 2, "#176c34"),
            Outcome::Undecided => (HEIGHT / 4, "#8a5700"),
            Outcome::NotAsExpected => (HEIGHT, "#b3261e"),
        };
        Some(Bar {
            x: at * STEP,
            y: HEIGHT - height,
            height,
            outcome,
            fill,
        })
    });
    bars.collect()
}

fn words(strip: &StatusStrip) -> String {
    let count = |of: Outcome| {
        let outcomes = strip.outcomes.iter();
        outcomes.filter(|(_, outcome)| *outcome == Some(of)).count()
    };
    let counts = [
        (count(Outcome::AsExpected), "as expected"),
        (count(Outcome::NotAsExpected), "not as expected"),
        (count(Outcome::Undecided), "undecided"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let last = strip.outcomes.last().and_then(|(_, outcome)| *outcome);
    match (last, strip.in_a_row) {
        (Some(Outcome::NotAsExpected), 1) => format!("{}; the last one not", parts.join(", ")),
        (Some(Outcome::NotAsExpected), count) => {
            format!("{}; the last {count} not", parts.join(", "))
        }
        _ => parts.join(", "),
    }
}

const TEMPLATE: &str = include_str!("../templates/status.html");
const OWN_STYLE: &str = include_str!("../templates/status.css");
/// The distance from one bar to the next, and the greatest height of a bar.
const STEP: usize = 7;
const HEIGHT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn page(run: Option<&RunDocument>, recent: &Recent) -> String {
        let figures = WatchFigures {
            version: "1.2.3".to_owned(),
            interval: std::time::Duration::from_secs(300),
            as_expected: 2,
            ..WatchFigures::default()
        };
        let page = StatusPage {
            run,
            recent,
            changes: &[],
            figures: &figures,
        };
        page.write().unwrap()
    }

    #[test]
    fn a_run_with_a_dropped_port() {
        let run = recorded::DROPPED_BEHIND_FIRST_HOP.read();
        let mut recent = Recent::default();
        recent.add(&run);
        recent.add(&run);
        let text = page(Some(&run), &recent);
        let (_, body) = text.split_once("</style>").unwrap();
        insta::assert_snapshot!(body);
    }

    #[test]
    fn before_the_first_run() {
        let text = page(None, &Recent::default());
        assert!(text.contains("No run has ended yet"), "{text}");
    }

    #[test]
    fn hostile_text_is_escaped() {
        let mut run = recorded::DROPPED.read();
        for host in &mut run.server.hosts {
            *host = "<script>alert(1)</script>".to_owned();
        }
        run.host.name = Some("\"><img src=x>".to_owned());
        for probe in &mut run.probes {
            probe.measurement.rule.purpose = "</td><script>".to_owned();
            probe.verdict.claim = "<b onclick=x>".to_owned();
        }
        let mut recent = Recent::default();
        recent.add(&run);
        let text = page(Some(&run), &recent);
        for forbidden in ["<script", "<img", "<b onclick"] {
            assert!(!text.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_strip_is_also_said_in_words() {
        let outcome = |outcome| (String::new(), Some(outcome));
        let strip = StatusStrip {
            outcomes: vec![
                outcome(Outcome::AsExpected),
                (String::new(), None),
                outcome(Outcome::Undecided),
                outcome(Outcome::NotAsExpected),
                outcome(Outcome::NotAsExpected),
            ],
            in_a_row: 2,
        };
        let said = "1 as expected, 2 not as expected, 1 undecided; the last 2 not";
        assert_eq!(words(&strip), said);
        let heights: Vec<usize> = bars(&strip).iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [10, 5, 20, 20]);
    }
}
