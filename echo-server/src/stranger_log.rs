//! Logs one line per minute about connections that never proved a key, however many there are.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts how strangers' connections ended.
#[derive(Debug, Default)]
pub(crate) struct StrangerLog(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The counts since the last line, by outcome.
    by_outcome: BTreeMap<&'static str, u64>,
    last_line: Option<Duration>,
}

impl StrangerLog {
    /// Counts a stranger's connection that has ended. `outcome` is one of this program's own words.
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

    /// Logs everything that has not been logged yet.
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

/// The outcome of a connection that the server ended, to make room or to stop.
pub(crate) const MADE_TO_LEAVE: &str = "made-to-leave";

/// The outcome of a connection that was handed to the control service.
pub(crate) const CONTROL: &str = "control";

const BETWEEN_LINES: Duration = Duration::from_secs(60);
