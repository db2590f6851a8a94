//! Keeps the outcomes of the last runs for the status page.

use std::collections::{BTreeMap, VecDeque};

use probe_core::judge::Outcome;

use super::row::rows;
use crate::RunDocument;

/// The outcome of one run per rule and path.
#[derive(Clone, Debug)]
pub struct PastRun {
    /// The time at which the run finished, as its document says.
    pub finished: String,
    outcomes: BTreeMap<(String, String), Outcome>,
}

/// The last runs, at most [`KEPT_RUNS`].
#[derive(Clone, Debug, Default)]
pub struct Recent(VecDeque<PastRun>);

/// The outcomes of one rule over one path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusStrip {
    /// The time of each run with its outcome, oldest first. The outcome is `None` if the run did not probe the rule.
    pub outcomes: Vec<(String, Option<Outcome>)>,
    /// The number of runs in a row that have the outcome of the last run, the last one included.
    pub in_a_row: u32,
}

impl Recent {
    /// Adds a run, and forgets the oldest one if there are too many. An interrupted run is left out.
    pub fn add(&mut self, run: &RunDocument) {
        if !run.run.complete {
            return;
        }
        if self.0.len() == KEPT_RUNS {
            self.0.pop_front();
        }
        let outcomes = rows(run, None).into_iter().map(|row| {
            let name = (row.rule().to_string(), row.path());
            (name, row.probe.outcome)
        });
        self.0.push_back(PastRun {
            finished: run.run.finished.clone(),
            outcomes: outcomes.collect(),
        });
    }

    /// Returns the outcomes of `rule` over `path`.
    pub fn strip(&self, rule: &str, path: &str) -> StatusStrip {
        let name = (rule.to_owned(), path.to_owned());
        let runs = self.0.iter();
        let outcomes: Vec<(String, Option<Outcome>)> = runs
            .map(|run| (run.finished.clone(), run.outcomes.get(&name).copied()))
            .collect();
        let last = outcomes.last().and_then(|(_, outcome)| *outcome);
        let same = |(_, outcome): &&(String, Option<Outcome>)| last.is_some() && *outcome == last;
        let in_a_row = outcomes.iter().rev().take_while(same).count();
        StatusStrip {
            in_a_row: u32::try_from(in_a_row).unwrap_or(u32::MAX),
            outcomes,
        }
    }
}

/// The number of runs that are remembered.
pub const KEPT_RUNS: usize = 50;
