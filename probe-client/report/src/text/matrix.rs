//! Writes ports against paths if a run took several paths: one line per rule, one column per path.

use std::io::{self, Write};

use probe_core::judge::Outcome;
use unicode_width::UnicodeWidthStr as _;

use super::columns::{GAP, outcome, shortened};
use super::paint::{Look, Tone};
use crate::rows::{PathRow, PortRow, Report};

/// Returns whether the run took more than one path.
pub(super) fn is_wanted(report: &Report) -> bool {
    report.paths.len() > 1
}

/// Returns the letter that stands for `path`; `None` if the matrix has no column for it.
pub(super) fn letter(paths: &[PathRow], path: &str) -> Option<char> {
    let mut columns = paths.iter().zip(LETTERS.chars());
    let (_, letter) = columns.find(|(row, _)| row.path == path)?;
    Some(letter)
}

pub(super) fn write(report: &Report, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let paths = &report.paths;
    writeln!(out)?;
    for (path, letter) in paths.iter().zip(LETTERS.chars()) {
        let letter = look.paint(Tone::Heading, &letter.to_string());
        writeln!(out, "  {letter}  {}", look.paint(Tone::Plain, &path.path))?;
    }
    for host in hosts(&report.ports) {
        writeln!(out, "\n{}", look.paint(Tone::Heading, host))?;
        let rows = rows(&report.ports, host, paths);
        let widths = widths(&rows, paths.len(), usize::from(look.width));
        let mut header = format!("{:>5}{GAP}{:<KIND$}", "PORT", "KIND");
        for (letter, width) in LETTERS.chars().zip(&widths) {
            header.push_str(&format!("{GAP}{letter:<width$}"));
        }
        writeln!(out, "{}", look.paint(Tone::Faint, header.trim_end()))?;
        for row in &rows {
            row.write(&widths, look, out)?;
        }
    }
    Ok(())
}

/// One rule, with a cell for each path.
struct Row {
    port: String,
    kind: String,
    cells: Vec<(String, Tone)>,
}

impl Row {
    fn write(&self, widths: &[usize], look: Look, out: &mut dyn Write) -> io::Result<()> {
        let mut line = format!("{:>5}{GAP}{:<KIND$}", self.port, self.kind);
        for ((cell, tone), width) in self.cells.iter().zip(widths) {
            let cell = shortened(cell, *width);
            line.push_str(GAP);
            line.push_str(&look.paint(*tone, &cell));
            line.push_str(&" ".repeat(width - cell.width()));
        }
        writeln!(out, "{}", line.trim_end())
    }
}

fn rows(ports: &[PortRow], host: &str, paths: &[PathRow]) -> Vec<Row> {
    let of_host = || ports.iter().filter(|p| p.host == host);
    let mut rules: Vec<&PortRow> = Vec::new();
    for port in of_host() {
        if !rules.iter().any(|p| p.rule == port.rule) {
            rules.push(port);
        }
    }
    let cells = |first: &PortRow| {
        let cell = |path: &PathRow| {
            let same = |p: &&PortRow| p.rule == first.rule && p.path == path.path;
            cell(&of_host().filter(same).collect::<Vec<_>>())
        };
        paths.iter().map(cell).collect()
    };
    let row = |first: &&PortRow| Row {
        port: first.port.to_string(),
        kind: first.session.to_owned(),
        cells: cells(first),
    };
    rules.iter().map(row).collect()
}

/// Returns the results of one rule over one path, for all of the server's addresses; equal results are shown once.
fn cell(ports: &[&PortRow]) -> (String, Tone) {
    let mut texts: Vec<String> = Vec::new();
    let mut worst = Outcome::AsExpected;
    for port in ports {
        let (word, _) = outcome(port.outcome);
        let mut text = format!("{word} {}", port.verdict.id);
        if port.expects_blocked() {
            text.push_str(" (expected blocked)");
        }
        if !texts.contains(&text) {
            texts.push(text);
        }
        if worst == Outcome::AsExpected || port.outcome == Outcome::NotAsExpected {
            worst = port.outcome;
        }
    }
    if texts.is_empty() {
        return ("-".to_owned(), Tone::Faint);
    }
    (texts.join(", "), outcome(worst).1)
}

/// Returns the column widths: each column is as wide as its widest cell, or has an equal part of the line.
fn widths(rows: &[Row], paths: usize, line: usize) -> Vec<usize> {
    let widest = |column: usize| rows.iter().map(|r| r.cells[column].0.width()).max();
    let mut widths: Vec<usize> = (0..paths).map(|i| widest(i).unwrap_or(1)).collect();
    let room = line.saturating_sub(5 + GAP.len() + KIND + GAP.len() * paths);
    // Wide columns share the space that narrow ones leave.
    let mut wide = widths.len();
    let mut left = room;
    let mut order: Vec<usize> = (0..widths.len()).collect();
    order.sort_by_key(|i| widths[*i]);
    for index in order {
        let share = (left / wide.max(1)).max(SHORTEST);
        widths[index] = widths[index].min(share);
        left = left.saturating_sub(widths[index]);
        wide -= 1;
    }
    widths
}

fn hosts(ports: &[PortRow]) -> Vec<&str> {
    let mut hosts = Vec::new();
    for port in ports {
        if !hosts.contains(&port.host.as_str()) {
            hosts.push(&port.host);
        }
    }
    hosts
}

/// Width of the longest session kind.
const KIND: usize = 6;

/// Smallest width of a cell: `FAIL drop…` is still readable.
const SHORTEST: usize = 10;

/// The names of the columns; a run has far fewer paths.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
