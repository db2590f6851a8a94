//! Writes a difference as Markdown, for a ticket or the summary of a pipeline's step.

use std::fmt::Write as _;
use std::io::{self, Write};

use probe_documents::diff::Diff;

use super::{
    KINDS, explanation, fact, heading_of_times, of_kind, outcome_of_new, sentence, side,
    subject_of, times, transition, unchanged, warnings::warnings, why_no_times,
};
use crate::markdown::escaped;
use crate::text::Look;

pub(crate) fn write(diff: &Diff, _look: Look, out: &mut dyn Write) -> io::Result<()> {
    let text = rendered(diff).map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}

fn rendered(diff: &Diff) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let (before, after) = (side(&diff.before), side(&diff.after));
    writeln!(text, "# fwprobe: what changed\n")?;
    for warning in warnings(diff) {
        writeln!(text, "**Warning:** {}\n", escaped(&warning))?;
    }
    writeln!(text, "**{}**\n", escaped(&sentence(diff)))?;
    writeln!(text, "From {} to {}.", escaped(&before), escaped(&after))?;
    for (kind, heading, ..) in KINDS {
        let mut changes = of_kind(diff, kind).peekable();
        if changes.peek().is_some() {
            writeln!(text, "\n## {heading}\n")?;
        }
        for change in changes {
            let (what, from_to) = (subject_of(change), transition(change));
            let mark = outcome_of_new(change).map(|(word, _)| format!("{word} "));
            let mark = mark.unwrap_or_default();
            writeln!(
                text,
                "- {mark}**{}**: {}",
                escaped(&what),
                escaped(&from_to)
            )?;
            for (label, line) in explanation(change) {
                writeln!(text, "  - {label}{}", escaped(&line))?;
            }
        }
    }
    if !diff.facts.is_empty() {
        writeln!(
            text,
            "\n## Changed facts\n\n| Fact | Before | After |\n|---|---|---|"
        )?;
        for change in &diff.facts {
            let [before, after] = [&change.before, &change.after].map(|v| escaped(v));
            writeln!(text, "| {} | {before} | {after} |", escaped(&fact(change)))?;
        }
    }
    if !diff.times.is_empty() {
        writeln!(
            text,
            "\n## Times\n\n{}.\n",
            escaped(&heading_of_times(diff))
        )?;
        for change in &diff.times {
            let what = format!("{} over {}", change.subject.rule, change.subject.path);
            writeln!(text, "- {}: {}", escaped(&what), escaped(&times(change)))?;
        }
    }
    if let Some(why) = why_no_times(diff) {
        writeln!(text, "\n{}", escaped(&why))?;
    }
    writeln!(text, "\n{}", escaped(&unchanged(diff)))?;
    Ok(text)
}
