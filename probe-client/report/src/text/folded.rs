//! Writes the failures of a table that is longer than a screen: each with its claim and next step, and with as many
//! facts as there is room for. What all failures have in common is written once, below them.

use std::io::{self, Write};

use probe_core::alternative::Alternative;
use unicode_width::UnicodeWidthStr as _;

use super::columns::tone;
use super::depth::{Depth, Folded, Notes, Steps};
use super::details::{facts, headline, verdict};
use super::first_step::first_step;
use super::paint::{Look, Tone, hanging, paragraph};
use super::{egress, idle, matrix};
use crate::rows::{FailureRow, PortRow, Report};

pub(super) fn write(
    report: &Report,
    folded: Folded,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    if folded.steps == Steps::First {
        writeln!(out)?;
    }
    for (index, failure) in report.failures.iter().enumerate() {
        let verdict = format!("{}{}", verdict(failure), remarks(failure, report));
        match folded.steps {
            Steps::Whole => {
                writeln!(out)?;
                headline(failure, &verdict, look, out)?;
                paragraph(out, look, "", &failure.claim)?;
            }
            Steps::First => run_in(failure, &verdict, look, out)?,
        }
        let most = folded.facts + usize::from(index < folded.with_one_more);
        facts(failure, leading(failure, most), look, out)?;
        if let Some(step) = &failure.next_step {
            let step = match folded.steps {
                Steps::Whole => step.clone(),
                Steps::First => first_step(step),
            };
            paragraph(out, look, "next: ", &step)?;
        }
    }
    Ok(())
}

/// Writes what is folded into a line: the findings' names, the traffic to look for in logs, which the failures have in
/// common, and the allow list. Then it says where the rest is.
pub(super) fn below(
    report: &Report,
    depth: Depth,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out)?;
    if depth.notes == Notes::Names && !report.notes.is_empty() {
        let mut names: Vec<&str> = Vec::new();
        for note in &report.notes {
            if !names.contains(&note.id) {
                names.push(note.id);
            }
        }
        paragraph(out, look, "noted: ", &names.join(", "))?;
    }
    if depth.folded.is_some_and(|folded| folded.logs) {
        for logged in &report.logs {
            paragraph(out, look, "logs: ", logged)?;
        }
    }
    if !depth.allow_list {
        egress::in_line(&report.egress, look, out)?;
    }
    let mut more = "--verbose shows everything; `--output run.json` saves it for \
                    `fwprobe explain run.json`"
        .to_owned();
    // A failure that is whole names the page itself.
    if let (Some(_), Some(first)) = (depth.folded, report.failures.first()) {
        more.push_str(&format!("; page: `fwprobe explain {}`", first.verdict));
    }
    paragraph(out, look, "more: ", &more)
}

/// Returns the facts that carry the conclusion, at most `most`. Causes state these first; those that are not excluded
/// show in the confidence.
fn leading(failure: &FailureRow, most: usize) -> impl Iterator<Item = &String> {
    let carrying = |fact: &&String| Alternative::named_by(fact).is_none();
    failure.evidence.iter().filter(carrying).take(most)
}

/// Writes the claim right behind the headline, if that leaves room for it.
fn run_in(failure: &FailureRow, verdict: &str, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (word, tone) = (failure.mark.word(), tone(failure.mark));
    let head = format!("{word} {} {verdict}: ", failure.ports);
    if head.width() > usize::from(look.width) * 3 / 4 {
        headline(failure, verdict, look, out)?;
        return paragraph(out, look, "", &failure.claim);
    }
    let painted = format!(
        "{} {} {}: ",
        look.paint(tone, word),
        look.paint(Tone::Heading, &failure.ports),
        look.paint(tone, verdict)
    );
    hanging(out, look, (&head, &painted), "  ", &failure.claim)
}

/// Returns, in parentheses, what the headline says besides ports and verdict: the paths, as letters of the matrix, and
/// the confidence, unless it is high or nothing is decided.
fn remarks(failure: &FailureRow, report: &Report) -> String {
    let ports = || failure.rows.iter().filter_map(|row| report.ports.get(*row));
    let mut remarks: Vec<String> = Vec::new();
    if matrix::is_wanted(report) && !idle::is_wanted(&report.ports) {
        remarks.extend(paths(report, ports()));
    }
    remarks.extend(failure.doubt.map(str::to_owned));
    if remarks.is_empty() {
        String::new()
    } else {
        format!(" ({})", remarks.join(", "))
    }
}

/// Returns the letters of the paths of `ports`: `path B`, or `paths A and B`.
fn paths<'a>(report: &Report, ports: impl Iterator<Item = &'a PortRow>) -> Option<String> {
    let mut letters: Vec<String> = Vec::new();
    for port in ports {
        let letter = matrix::letter(&report.paths, &port.path)?.to_string();
        if !letters.contains(&letter) {
            letters.push(letter);
        }
    }
    match letters.as_slice() {
        [] => None,
        [one] => Some(format!("path {one}")),
        several => Some(format!("paths {}", several.join(" and "))),
    }
}
