//! Logs one line a minute about connections that never proved a key, however many there are.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts what became of strangers.
#[derive(Debug, Default)]
pub(crate) struct StrangerLog(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Since the last line.
    by_outcome: BTreeMap<&'static str, u64>,
    last_line: Option<Duration>,
}

impl StrangerLog {
    /// A stranger's connection has ended. `outcome` is a word of this program's own.
    pub(crate) fn ended(&self, now: Duration, outcome: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.by_outcome.entry(outcome).or_insert(0) += 1;
        let due = counts
            .last_line
            .is_none_or(|last| now.saturating_sub(last) >= BETWEEN_LINES);
        if due {
            counts.write(now);
        }
    }

    /// Says what has not been said yet.
    pub(crate) fn flush(&self, now: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts.by_outcome.is_empty() {
            counts.write(now);
        }
    }
}

impl Counts {
    fn write(&mut self, now: Duration) {
        let by_outcome = std::mem::take(&mut self.by_outcome);
        let connections: u64 = by_outcome.values().sum();
        let ends: Vec<_> = by_outcome
            .iter()
            .map(|(outcome, count)| format!("{outcome} {count}"))
            .collect();
        self.last_line = Some(now);
        tracing::info!(
            connections,
            ends = ends.join(", "),
            "connections without a key"
        );
    }
}

/// The server has ended it, to make room or to stop.
pub(crate) const MADE_TO_LEAVE: &str = "made-to-leave";

/// The control service had it.
pub(crate) const CONTROL: &str = "control";

const BETWEEN_LINES: Duration = Duration::from_secs(60);
