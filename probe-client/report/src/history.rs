//! Writes the history of a folder of runs: a line for each run with what changed, and a strip for each rule.

use std::io::{self, Write};

use probe_documents::diff::ChangeKind;
use probe_documents::history::{Entry, EntryChange, HistoryDocument, RunResult, Series};

use unicode_width::UnicodeWidthStr as _;

mod strips;

pub(crate) use strips::mark;

use crate::diff::{KINDS, fact_name};
use crate::json;
use crate::rows::whole_seconds;
use crate::text::{GAP, Look, Tone, padded, paragraph, shortened};

/// Writes the history as JSON, `fwprobe.history/1`.
///
/// # Errors
///
/// Writing to `out` failed.
pub fn write_json(history: &HistoryDocument, out: &mut dyn Write) -> io::Result<()> {
    json::pretty(history, out)
}

/// Writes the history as text for people. Every mark is also legible without colour.
///
/// # Errors
///
/// Writing to `out` failed.
pub fn write_text(history: &HistoryDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let columns = Columns::of(history);
    if let (Some(series), true) = (history.strips.first(), history.strips.len() == 1) {
        let title = heading(&series.series);
        writeln!(out, "{}", look.paint(Tone::Heading, &title))?;
    }
    if !history.runs.is_empty() {
        columns.head(look, out)?;
    }
    for entry in &history.runs {
        columns.line(entry, look, out)?;
    }
    strips::write(&history.strips, look, out)?;
    writeln!(out)?;
    paragraph(out, look, "", &sum(history))
}

/// Returns the text of a column for one series.
type Cell = fn(&Series) -> String;

/// The columns between the time and the result. Columns that are the same in every line are left out.
struct Columns {
    time: usize,
    /// The title and width of each column, and the function that returns its text.
    series: Vec<(&'static str, usize, Cell)>,
    result: usize,
    several_paths: bool,
}

impl Columns {
    fn of(history: &HistoryDocument) -> Self {
        let all: [(&'static str, Cell); 3] = [
            ("HOST", host),
            ("PROFILE", profile),
            ("SERVERS", |series| series.servers.join(", ")),
        ];
        let mut series = Vec::new();
        for (title, text) in all {
            let mut texts: Vec<String> = history.runs.iter().map(|run| text(&run.series)).collect();
            texts.sort_unstable();
            texts.dedup();
            if texts.len() > 1 {
                let width = texts.iter().map(|text| text.width()).max();
                let width = width.unwrap_or(0).clamp(title.len(), WIDEST_COLUMN);
                series.push((title, width, text));
            }
        }
        let times = history.runs.iter();
        let times = times.map(|run| whole_seconds(&run.started).width());
        let results = history.runs.iter().map(|run| result(run).width());
        let strips = history.strips.iter().flat_map(|series| &series.strips);
        let mut paths: Vec<&str> = strips.map(|strip| strip.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        Self {
            time: times.max().unwrap_or(0).clamp(TIME.len(), WIDEST_COLUMN),
            series,
            result: results
                .max()
                .unwrap_or(0)
                .clamp(RESULT.len(), WIDEST_COLUMN),
            several_paths: paths.len() > 1,
        }
    }

    /// Writes the titles of the columns.
    fn head(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let mut line = padded(TIME, self.time);
        for (title, width, _) in &self.series {
            line.push_str(GAP);
            line.push_str(&padded(title, *width));
        }
        line.push_str(GAP);
        line.push_str(&padded(RESULT, self.result));
        line.push_str(GAP);
        line.push_str(CHANGES);
        writeln!(out, "{}", look.paint(Tone::Faint, &line))
    }

    fn line(&self, entry: &Entry, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let mut before = padded(&whole_seconds(&entry.started), self.time);
        for (_, width, text) in &self.series {
            before.push_str(GAP);
            before.push_str(&padded(&text(&entry.series), *width));
        }
        before.push_str(GAP);
        let taken = before.width() + self.result + GAP.len();
        let left = usize::from(look.width).saturating_sub(taken);
        let changes = self.changes(entry);
        // Changes for which the line has no room are on lines of their own, so that none is cut off.
        let (in_line, below) = if changes.width() <= left.max(NARROWEST_LAST) {
            (changes.as_str(), "")
        } else {
            ("", changes.as_str())
        };
        let result = match in_line {
            "" => shortened(&result(entry), self.result),
            _ => padded(&result(entry), self.result) + GAP,
        };
        writeln!(
            out,
            "{}{}{}",
            look.paint(Tone::Plain, &before),
            look.paint(tone(entry.result), &result),
            look.paint(Tone::Plain, in_line)
        )?;
        if below.is_empty() {
            return Ok(());
        }
        paragraph(out, look, "", below)
    }

    /// Returns what changed: `regression: 443 dropped, 5901 dropped; fixed: 80; certificate`.
    fn changes(&self, entry: &Entry) -> String {
        if entry.result == RunResult::Interrupted {
            return String::new();
        }
        if !entry.compared {
            return "the first run".to_owned();
        }
        let mut parts: Vec<String> = Vec::new();
        for (kind, _, word, _) in KINDS {
            let mut what: Vec<String> = Vec::new();
            for change in entry.changes.iter().filter(|c| c.change == kind) {
                let change = self.change(change);
                if !what.contains(&change) {
                    what.push(change);
                }
            }
            if !what.is_empty() {
                parts.push(format!("{word}: {}", what.join(", ")));
            }
        }
        for fact in &entry.facts {
            let name = fact_name(fact.fact).to_owned();
            if !parts.contains(&name) {
                parts.push(name);
            }
        }
        parts.join("; ")
    }

    fn change(&self, change: &EntryChange) -> String {
        let mut text = change.port.to_string();
        if self.several_paths {
            text.push_str(&format!(" over {}", change.subject.path));
        }
        let names_the_verdict = matches!(
            change.change,
            ChangeKind::Regression | ChangeKind::OtherCause | ChangeKind::OtherPlace
        );
        if let Some(after) = change.after.as_ref().filter(|_| names_the_verdict) {
            text.push_str(&format!(" {}", after.verdict));
            if change.change == ChangeKind::OtherPlace {
                text.push_str(&format!(" at {}", after.segment));
            }
        }
        text
    }
}

fn heading(series: &Series) -> String {
    let (host, profile) = (host(series), profile(series));
    format!("{profile}: {host} → {}", series.servers.join(", "))
}

fn host(series: &Series) -> String {
    series.host.clone().unwrap_or_else(|| "?".to_owned())
}

fn profile(series: &Series) -> String {
    let profile = series.profile.as_ref();
    profile.map_or_else(|| "ports by hand".to_owned(), ToString::to_string)
}

/// Returns the result of a run in words, with the ports concerned.
fn result(entry: &Entry) -> String {
    let word = match entry.result {
        RunResult::AsExpected => return "ok".to_owned(),
        RunResult::Interrupted => return "interrupted".to_owned(),
        RunResult::NotAsExpected => "FAIL",
        RunResult::Undecided => "?",
    };
    let ports: Vec<String> = entry.ports.iter().map(u16::to_string).collect();
    format!("{word} {}", ports.join(" "))
}

const fn tone(result: RunResult) -> Tone {
    match result {
        RunResult::AsExpected => Tone::Good,
        RunResult::NotAsExpected => Tone::Bad,
        RunResult::Undecided => Tone::Undecided,
        RunResult::Interrupted => Tone::Faint,
    }
}

/// Returns the whole history in one sentence.
fn sum(history: &HistoryDocument) -> String {
    let count = |result| {
        history
            .runs
            .iter()
            .filter(|run| run.result == result)
            .count()
    };
    let parts = [
        (RunResult::AsExpected, "as expected"),
        (RunResult::NotAsExpected, "not as expected"),
        (RunResult::Undecided, "undecided"),
        (RunResult::Interrupted, "interrupted"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(result, _)| count(*result) > 0)
        .map(|(result, words)| format!("{} {words}", count(result)))
        .collect();
    let changed = history.runs.iter().filter(|run| run.has_changed()).count();
    let mut text = match history.runs.len() {
        0 => "no run to show".to_owned(),
        1 => format!("1 run: {}", parts.join(", ")),
        runs => format!("{runs} runs: {}; {changed} with a change", parts.join(", ")),
    };
    if history.older > 0 {
        text.push_str(&format!("; {} older ones are not shown", history.older));
    }
    text
}

/// The titles of the columns that are in every history: the time at which a run began, its result with the ports that
/// are not as expected or not decided, and what has changed since the run before.
const TIME: &str = "BEGAN (UTC)";
const RESULT: &str = "RESULT, PORTS";
const CHANGES: &str = "CHANGES";
/// The greatest width of a column that is not the last.
const WIDEST_COLUMN: usize = 24;
/// The width up to which changes stay in the line of their run, even if the line then becomes too long.
const NARROWEST_LAST: usize = 20;

#[cfg(test)]
mod tests;
