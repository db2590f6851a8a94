//! What a watch reports while it goes on, one line for each event: JSON for programs, words on a terminal.

use std::io::IsTerminal as _;
use std::net::SocketAddr;

use probe_core::excerpt::{printable, without_error_numbers};
use probe_documents::RunDocument;
use probe_documents::watch::{ConfirmedChange, Next};
use probe_report::conclusion;
use serde::Serialize;

use crate::terminal;

/// The log, on standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    in_words: bool,
}

/// Something that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Event<'a> {
    /// Metrics and the status page are served.
    Listening { url: String },
    /// Runs of an earlier watch were read.
    Recalled { runs: usize, unreadable: usize },
    /// A run ended.
    Run {
        id: &'a str,
        exit_code: u8,
        summary: String,
        next_in_seconds: u64,
        /// The time of the run in seconds, if that was more than the interval.
        #[serde(skip_serializing_if = "Option::is_none")]
        longer_than_interval: Option<u64>,
        /// Whether the interval is doubled until a run decides something.
        backed_off: bool,
    },
    /// Two runs in a row confirmed a change.
    Change {
        run: &'a str,
        #[serde(flatten)]
        change: &'a ConfirmedChange,
    },
    /// Something went wrong, and the watch goes on.
    Problem { what: String },
    /// The watch ends.
    Stopped,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Log {
    /// Creates a log in words if a user watches, and in JSON otherwise.
    pub(crate) fn for_reader() -> Self {
        Self {
            in_words: std::io::stdout().is_terminal(),
        }
    }

    /// Writes one line. A reader that has gone away does not end the watch.
    pub(super) fn write(self, event: &Event<'_>) {
        let time = jiff::Timestamp::now();
        let line = if self.in_words {
            format!("{time:.0} {}", printable(&event.words()))
        } else {
            let time = time.to_string();
            serde_json::to_string(&Line { time, event }).unwrap_or_default()
        };
        let _ = terminal::print(&format!("{line}\n"));
    }

    pub(super) fn problem(self, what: impl Into<String>) {
        self.write(&Event::problem(&what.into()));
    }
}

impl<'a> Event<'a> {
    pub(super) fn listening(address: SocketAddr) -> Self {
        Self::Listening {
            url: format!("http://{address}/"),
        }
    }

    pub(super) fn run(document: &'a RunDocument, next: Next) -> Self {
        Self::Run {
            id: &document.run.id,
            exit_code: document.summary.exit_code,
            summary: conclusion(document),
            next_in_seconds: next.pause.as_secs(),
            longer_than_interval: next.overlong.map(|took| took.as_secs()),
            backed_off: next.backed_off,
        }
    }

    pub(super) fn change(document: &'a RunDocument, change: &'a ConfirmedChange) -> Self {
        Self::Change {
            run: &document.run.id,
            change,
        }
    }

    /// Returns the event of a problem, without error numbers of the operating system.
    fn problem(what: &str) -> Self {
        Self::Problem {
            what: without_error_numbers(what),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Listening { url } => format!("status page and metrics: {url}"),
            Self::Recalled { runs, unreadable } => {
                format!("read {runs} earlier runs; {unreadable} files are not runs of this profile")
            }
            Self::Run {
                summary,
                next_in_seconds,
                longer_than_interval,
                backed_off,
                ..
            } => {
                let overlong = longer_than_interval
                    .map(|took| format!("; the run took {took} s, longer than the interval"));
                let backed_off = if *backed_off {
                    ", at the doubled interval"
                } else {
                    ""
                };
                let overlong = overlong.unwrap_or_default();
                format!("{summary}; next run in {next_in_seconds} s{backed_off}{overlong}")
            }
            Self::Change { change, .. } => change.to_string(),
            Self::Problem { what } => format!("problem: {what}"),
            Self::Stopped => "stopped".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_problem_has_no_error_number() {
        let event = Event::problem("a.prom cannot be written: Permission denied (os error 13)");
        assert_eq!(
            event.words(),
            "problem: a.prom cannot be written: Permission denied"
        );
    }

    #[test]
    fn a_run_longer_than_the_interval_is_told_in_both_forms() {
        let text = include_str!("../../core/tests/scenarios/dropped.json");
        let document: RunDocument = serde_json::from_str(text).unwrap();
        for (overlong, words) in [
            (None, "; next run in 15 s"),
            (
                Some(90),
                "; next run in 15 s; the run took 90 s, longer than the interval",
            ),
        ] {
            let next = Next {
                pause: Duration::from_secs(15),
                overlong: overlong.map(Duration::from_secs),
                backed_off: false,
            };
            let event = Event::run(&document, next);
            assert!(event.words().ends_with(words), "{}", event.words());
            let line = serde_json::to_value(&event).unwrap();
            let told = line.get("longer_than_interval");
            assert_eq!(told.and_then(serde_json::Value::as_u64), overlong);
        }
    }
}
