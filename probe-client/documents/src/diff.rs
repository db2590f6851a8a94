//! Compares two runs: what got worse, what else changed, and what could not be compared. Rules are matched by their id,
//! path and address family, never by their position.

use std::collections::BTreeSet;
use std::fmt;

use probe_core::judge::Outcome;
use probe_core::session_kind::SessionKind;
use schemars::JsonSchema;
use serde::Serialize;

mod facts;
mod matching;
mod rule_result;
mod timing;
mod transition;

pub use crate::subject::Subject;
pub(crate) use facts::Facts;
pub use facts::{FactChange, FactKind};
use matching::Matched;
pub(crate) use matching::{Answers, Key, probes, spread};
pub use rule_result::RuleResult;
pub use timing::{Judgement, LEAST_RUNS, Median, TimeChange, TimeSamples};
pub(crate) use transition::{ComparedAnswer, transition};

use crate::{Probe, RunDocument};

/// The difference between two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// The name of the format: `fwprobe.diff/1`.
    pub document: &'static str,
    pub before: Side,
    pub after: Side,
    /// The changes, the most urgent ones first.
    pub changes: Vec<Change>,
    pub facts: Vec<FactChange>,
    /// The rules, paths and families about which both runs say the same.
    pub unchanged: Vec<Unchanged>,
    /// The comparison of times; empty unless there are enough runs on each side.
    pub times: Vec<TimeChange>,
}

/// One of the two runs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Side {
    pub run: String,
    pub started: String,
    pub node: Option<String>,
    /// The number of runs that times are taken from.
    pub runs: usize,
}

/// The change of one rule over one path to the addresses of one family.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    #[serde(flatten)]
    pub subject: Subject,
    pub port: u16,
    pub session: SessionKind,
    /// The length of the deliberate silence, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_seconds: Option<u32>,
    pub change: ChangeKind,
    /// The reason why the runs cannot be compared in this respect, or why the rule is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<RuleResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<RuleResult>,
}

/// The kind of a change, in the order of urgency.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The rule was as expected before, and is not any more.
    Regression,
    /// The outcome is the same, and its cause differs.
    OtherCause,
    /// Outcome and cause are the same, and the place of the cause differs.
    OtherPlace,
    /// The rule was not as expected before, and is now.
    Fixed,
    /// At least one of the runs does not decide, or the two runs do not ask the same question.
    NotComparable,
    /// The earlier run has no such rule, path or family.
    New,
    /// The later run has no such rule, path or family.
    Gone,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Regression => "regression",
            Self::OtherCause => "other-cause",
            Self::OtherPlace => "other-place",
            Self::Fixed => "fixed",
            Self::NotComparable => "not-comparable",
            Self::New => "new",
            Self::Gone => "gone",
        })
    }
}

/// A rule, path and family about which both runs say the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unchanged {
    #[serde(flatten)]
    pub subject: Subject,
    pub port: u16,
    pub session: SessionKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_seconds: Option<u32>,
    pub outcome: Outcome,
    pub time_us_before: u64,
    pub time_us_after: u64,
}

impl Diff {
    /// Compares `before` with `after`.
    pub fn between(before: &RunDocument, after: &RunDocument) -> Self {
        let mut changes = Vec::new();
        let mut unchanged = Vec::new();
        for Matched {
            key,
            before: old,
            after: new,
        } in matching::pairs(before, after)
        {
            match pair(&key, (before, old), (after, new)) {
                Some(Pair::Changed(change)) => changes.push(change),
                Some(Pair::Unchanged(same)) => unchanged.push(same),
                None => {}
            }
        }
        changes.sort_by(|a, b| {
            let order = |c: &Change| (c.change, c.port);
            order(a).cmp(&order(b)).then(a.subject.cmp(&b.subject))
        });
        Self {
            document: DOCUMENT,
            before: Side::of(before),
            after: Side::of(after),
            changes,
            facts: Facts::of(before).changes(&Facts::of(after)),
            unchanged,
            times: Vec::new(),
        }
    }

    /// Compares the times of many runs on each side. Times are not judged if there is only one run on each side,
    /// and they never change the exit code.
    #[must_use]
    pub fn with_times(mut self, before: &TimeSamples, after: &TimeSamples) -> Self {
        self.before.runs = before.runs();
        self.after.runs = after.runs();
        self.times = timing::changes(before, after);
        self
    }

    /// Returns the number of changes of one kind.
    pub fn count(&self, kind: ChangeKind) -> usize {
        self.changes.iter().filter(|c| c.change == kind).count()
    }

    /// Returns whether nothing changed. Times do not count.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.facts.is_empty()
    }

    /// Returns the exit code: 1 if something got worse, 3 if something could not be compared, or else 0.
    pub fn exit_code(&self) -> u8 {
        let has = |kind| self.count(kind) > 0;
        let kinds: BTreeSet<ChangeKind> = self.changes.iter().map(|c| c.change).collect();
        let only_new_and_gone = kinds
            .iter()
            .all(|kind| matches!(kind, ChangeKind::New | ChangeKind::Gone));
        if has(ChangeKind::Regression) {
            1
        } else if has(ChangeKind::NotComparable) || (only_new_and_gone && self.unchanged.is_empty())
        {
            3
        } else {
            0
        }
    }
}

enum Pair {
    Changed(Change),
    Unchanged(Unchanged),
}

/// Compares what both runs say about one key; `None` if neither says anything.
fn pair(
    key: &Key,
    before: (&RunDocument, Option<&Probe>),
    after: (&RunDocument, Option<&Probe>),
) -> Option<Pair> {
    let rule = &after.1.or(before.1)?.measurement.rule;
    let silence_seconds = key.silence.map(|s| s.seconds);
    let (change, because) = match (before.1, after.1) {
        (Some(old), Some(new)) => {
            match transition(
                &ComparedAnswer::of(before.0, old),
                &ComparedAnswer::of(after.0, new),
            ) {
                Some(found) => found,
                None => {
                    return Some(Pair::Unchanged(Unchanged {
                        subject: key.subject.clone(),
                        port: rule.port.get(),
                        session: rule.session,
                        silence_seconds,
                        outcome: new.outcome,
                        time_us_before: old.timings.total_us,
                        time_us_after: new.timings.total_us,
                    }));
                }
            }
        }
        _ => transition::one_sided(&key.subject, before.0, after.0, before.1.is_some()),
    };
    Some(Pair::Changed(Change {
        subject: key.subject.clone(),
        port: rule.port.get(),
        session: rule.session,
        silence_seconds,
        change,
        because,
        before: before.1.map(RuleResult::of),
        after: after.1.map(RuleResult::of),
    }))
}

impl Side {
    fn of(document: &RunDocument) -> Self {
        Self {
            run: document.run.id.clone(),
            started: document.run.started.clone(),
            node: document.host.node().map(str::to_owned),
            runs: 1,
        }
    }
}

/// The value of [`Diff::document`].
const DOCUMENT: &str = "fwprobe.diff/1";
