//! Makes a history of the runs in a folder: what each run says, and what changed since the run before. Everything is
//! computed from the documents each time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;
use serde::Serialize;

mod series;
mod series_state;
mod strips;

pub use series::Series;
use series_state::SeriesState;
pub use strips::{SeriesStrips, Strip};

use crate::diff::{Answers, ChangeKind, ComparedAnswer, FactChange, Facts, Subject, probes};
use crate::{RunDocument, Summary};

/// Collects runs in any order. It keeps only what a run says about its rules and its facts, and
/// only the newest [`MOST_RUNS`] runs.
#[derive(Debug, Default)]
pub struct History {
    runs: BTreeMap<Key, KeptRun>,
    dropped: usize,
}

/// Selects the runs to show.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The number of runs, from the newest one backwards.
    pub last: usize,
    /// The earliest time at which a run to show began.
    pub since: Option<Timestamp>,
    /// Whether runs without a change are left out.
    pub only_changes: bool,
}

/// The history, as reports show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryDocument {
    /// The name of the format: `fwprobe.history/1`.
    pub document: &'static str,
    /// The runs, oldest first.
    pub runs: Vec<Entry>,
    /// The number of runs that were read and are not shown, because they are older.
    pub older: usize,
    /// The outcomes of each rule in all runs of the window.
    pub strips: Vec<SeriesStrips>,
}

/// One run in its series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub file: String,
    pub run: String,
    /// The time at which the run began, as its document states it.
    pub started: String,
    #[serde(flatten)]
    pub series: Series,
    pub result: RunResult,
    /// The ports that the result is about; empty if all is as expected.
    pub ports: Vec<u16>,
    pub summary: Summary,
    /// Whether there is an earlier run to compare it with.
    pub compared: bool,
    pub changes: Vec<EntryChange>,
    pub facts: Vec<FactChange>,
}

/// The result of a run as a whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunResult {
    AsExpected,
    NotAsExpected,
    Undecided,
    /// The run was interrupted, so it is not compared with others.
    Interrupted,
}

/// A change since the last run that decided about the rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntryChange {
    #[serde(flatten)]
    pub subject: Subject,
    pub port: u16,
    pub session: SessionKind,
    pub change: ChangeKind,
    /// The reason why the two runs cannot be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<EntryVerdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<EntryVerdict>,
}

/// What a run says about a rule, without the evidence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EntryVerdict {
    pub verdict: VerdictId,
    pub segment: Segment,
}

/// The time at which a run began, and its id. Two copies of a run count once.
type Key = (Option<Timestamp>, String);

#[derive(Debug)]
struct KeptRun {
    entry: Entry,
    said: Answers<ComparedAnswer>,
    facts: Facts,
}

impl History {
    /// Adds the run that `file` contains.
    pub fn add(&mut self, document: &RunDocument, file: String) {
        let key = (document.run.started.parse().ok(), document.run.id.clone());
        self.runs
            .entry(key)
            .or_insert_with(|| KeptRun::of(document, file));
        if self.runs.len() > MOST_RUNS {
            self.runs.pop_first();
            self.dropped += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Compares each run with the one before it, and returns the runs in `window`.
    pub fn shown(self, window: Window) -> HistoryDocument {
        let mut series: BTreeMap<Series, SeriesState> = BTreeMap::new();
        let skipped = self.runs.len().saturating_sub(window.last);
        let mut history = HistoryDocument {
            document: DOCUMENT,
            runs: Vec::new(),
            older: self.dropped,
            strips: Vec::new(),
        };
        for (index, ((began, _), kept)) in self.runs.into_iter().enumerate() {
            let KeptRun {
                mut entry,
                said,
                facts,
            } = kept;
            let is_shown =
                index >= skipped && window.since.is_none_or(|since| began >= Some(since));
            if is_shown {
                strips::add(&mut history.strips, &entry, &said);
            } else {
                history.older += 1;
            }
            if entry.result != RunResult::Interrupted {
                let state = series.entry(entry.series.clone()).or_default();
                entry.compared = state.has_begun();
                (entry.changes, entry.facts) = state.next(said, facts);
            }
            if is_shown && (entry.has_changed() || !window.only_changes) {
                history.runs.push(entry);
            }
        }
        history
    }
}

impl KeptRun {
    fn of(document: &RunDocument, file: String) -> Self {
        let all = probes(&document.probes);
        let said: Answers<ComparedAnswer> = all
            .into_iter()
            .map(|(key, probe)| (key, ComparedAnswer::of(document, probe)))
            .collect();
        let result = RunResult::of(document);
        Self {
            entry: Entry {
                file,
                run: document.run.id.clone(),
                started: document.run.started.clone(),
                series: Series::of(document),
                result,
                ports: ports(result, &said),
                summary: document.summary,
                compared: false,
                changes: Vec::new(),
                facts: Vec::new(),
            },
            said,
            facts: Facts::of(document),
        }
    }
}

impl Entry {
    /// Returns whether anything changed since the run before.
    pub fn has_changed(&self) -> bool {
        !self.changes.is_empty() || !self.facts.is_empty()
    }
}

impl RunResult {
    fn of(document: &RunDocument) -> Self {
        match document.summary.exit_code {
            _ if !document.run.complete => Self::Interrupted,
            0 => Self::AsExpected,
            1 => Self::NotAsExpected,
            _ => Self::Undecided,
        }
    }
}

impl EntryVerdict {
    fn of(said: &ComparedAnswer) -> Self {
        Self {
            verdict: said.verdict,
            segment: said.segment.clone(),
        }
    }
}

/// Returns the ports whose outcome decides the result, in ascending order.
fn ports(result: RunResult, said: &Answers<ComparedAnswer>) -> Vec<u16> {
    use probe_core::judge::Outcome;
    let outcome = match result {
        RunResult::NotAsExpected => Outcome::NotAsExpected,
        RunResult::Undecided => Outcome::Undecided,
        RunResult::AsExpected | RunResult::Interrupted => return Vec::new(),
    };
    let mut ports: Vec<u16> = said
        .values()
        .filter(|said| said.outcome == outcome)
        .map(|said| said.port.get())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The maximum number of runs that are kept: about 90 MB for a profile of seven rules.
pub const MOST_RUNS: usize = 10_000;
/// The value of [`HistoryDocument::document`].
const DOCUMENT: &str = "fwprobe.history/1";

#[cfg(test)]
mod tests;
