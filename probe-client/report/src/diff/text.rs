//! Writes a difference as text for people: the most urgent changes first, and a summary in the last line.

use std::io::{self, Write};

use probe_documents::diff::{Change, ChangeKind, Diff};

use super::{
    KINDS, explanation, fact, heading_of_times, new_failures, of_kind, outcome_of_new, sentence,
    side, subject_of, times, transition, unchanged, warnings::warnings, why_no_times,
};
use crate::text::{Look, Tone, paragraph};

pub(crate) fn write(diff: &Diff, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for warning in warnings(diff) {
        let warning = format!("warning: {warning}");
        writeln!(out, "{}", look.paint(Tone::Undecided, &warning))?;
    }
    let title = format!(
        "before: {}\nafter:  {}",
        side(&diff.before),
        side(&diff.after)
    );
    for line in title.lines() {
        writeln!(out, "{}", look.paint(Tone::Faint, line))?;
    }
    for (kind, heading, ..) in KINDS {
        let mut changes = of_kind(diff, kind).peekable();
        if changes.peek().is_some() {
            writeln!(out, "\n{}", look.paint(Tone::Heading, heading))?;
        }
        for change in changes {
            row(change, look, out)?;
        }
    }
    if !diff.facts.is_empty() {
        writeln!(out, "\n{}", look.paint(Tone::Heading, "Changed facts"))?;
        for change in &diff.facts {
            let text = format!("{}: {} → {}", fact(change), change.before, change.after);
            paragraph(out, look, "", &text)?;
        }
    }
    if !diff.times.is_empty() {
        writeln!(out)?;
        paragraph(out, look, "", &heading_of_times(diff))?;
        for change in &diff.times {
            let (rule, path) = (&change.subject.rule, &change.subject.path);
            paragraph(
                out,
                look,
                "",
                &format!("{rule} over {path}: {}", times(change)),
            )?;
        }
    }
    writeln!(out)?;
    if let Some(why) = why_no_times(diff) {
        paragraph(out, look, "", &why)?;
    }
    paragraph(out, look, "", &unchanged(diff))?;
    let tone = match diff.exit_code() {
        0 if new_failures(diff) == 0 => Tone::Good,
        1 => Tone::Bad,
        _ => Tone::Undecided,
    };
    writeln!(out, "{}", look.paint(tone, &sentence(diff)))
}

fn row(change: &Change, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (word, tone) = match change.change {
        ChangeKind::Regression => ("FAIL", Tone::Bad),
        ChangeKind::Fixed => ("ok", Tone::Good),
        ChangeKind::NotComparable => ("?", Tone::Undecided),
        ChangeKind::OtherCause | ChangeKind::OtherPlace => ("!", Tone::Undecided),
        ChangeKind::New => outcome_of_new(change).unwrap_or(("+", Tone::Plain)),
        ChangeKind::Gone => ("-", Tone::Plain),
    };
    let (word, what) = (look.paint(tone, word), subject_of(change));
    let what = look.paint(Tone::Plain, &what);
    writeln!(
        out,
        "{word} {what}: {}",
        look.paint(Tone::Plain, &transition(change))
    )?;
    for (label, text) in explanation(change) {
        paragraph(out, look, label, &text)?;
    }
    Ok(())
}
