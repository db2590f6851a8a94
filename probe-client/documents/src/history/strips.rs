//! The outcomes of each rule over each path in the runs of a series.

use probe_core::judge::Outcome;
use probe_core::profile::RuleId;
use probe_core::session_kind::SessionKind;
use serde::Serialize;

use super::{Entry, RunResult, Series};
use crate::diff::{Answers, ComparedAnswer};

/// The strips of one series, by path and port.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesStrips {
    #[serde(flatten)]
    pub series: Series,
    pub strips: Vec<Strip>,
    /// The number of runs so far.
    #[serde(skip)]
    runs: usize,
}

/// The outcomes of one rule over one path.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Strip {
    pub rule: RuleId,
    pub path: String,
    pub port: u16,
    pub session: SessionKind,
    /// One outcome per run, oldest first: the most urgent one, if the server has several addresses.
    /// `None` if the run did not test the rule.
    pub outcomes: Vec<Option<Outcome>>,
}

/// Adds the outcomes of one run to the strips of its series. An interrupted run adds nothing.
pub(super) fn add(all: &mut Vec<SeriesStrips>, entry: &Entry, said: &Answers<ComparedAnswer>) {
    if entry.result == RunResult::Interrupted {
        return;
    }
    let index = all.iter().position(|known| known.series == entry.series);
    let index = index.unwrap_or_else(|| {
        all.push(SeriesStrips {
            series: entry.series.clone(),
            strips: Vec::new(),
            runs: 0,
        });
        all.len() - 1
    });
    all[index].add(said);
}

impl SeriesStrips {
    fn add(&mut self, said: &Answers<ComparedAnswer>) {
        for (key, said) in said {
            let (rule, path) = (&key.subject.rule, &key.subject.path);
            let known = self
                .strips
                .iter()
                .position(|strip| strip.rule == *rule && strip.path == *path);
            let index = known.unwrap_or_else(|| {
                self.strips.push(Strip {
                    rule: rule.clone(),
                    path: path.clone(),
                    port: said.port.get(),
                    session: said.session,
                    outcomes: Vec::new(),
                });
                self.strips.len() - 1
            });
            self.strips[index].add(self.runs, said.outcome);
        }
        self.runs += 1;
        for strip in &mut self.strips {
            strip.outcomes.resize(self.runs, None);
        }
        let order = |strip: &Strip| (strip.path.clone(), strip.port, strip.rule.clone());
        self.strips.sort_by_cached_key(order);
    }
}

impl Strip {
    /// Adds an outcome of the run with this number.
    fn add(&mut self, run: usize, outcome: Outcome) {
        self.outcomes.resize(self.outcomes.len().max(run), None);
        match self.outcomes.get_mut(run) {
            Some(Some(known)) if known.urgency() >= outcome.urgency() => {}
            Some(known) => *known = Some(outcome),
            None => self.outcomes.push(Some(outcome)),
        }
    }
}
