//! Writes every verdict that needs an explanation below the table, with its evidence and the next step.

use std::io::{self, Write};

use super::columns::tone;
use super::paint::{Look, Tone, paragraph};
use crate::fact::{SEEN, labelled};
use crate::rows::FailureRow;

pub(super) fn write(failures: &[FailureRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    for failure in failures {
        detail(failure, look, out)?;
    }
    Ok(())
}

fn detail(failure: &FailureRow, look: Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    let mut verdict = verdict(failure);
    if let Some(doubt) = failure.doubt {
        verdict.push_str(&format!(" ({doubt})"));
    }
    headline(failure, &verdict, look, out)?;
    paragraph(out, look, "", &failure.claim)?;
    facts(failure, failure.evidence.iter(), look, out)?;
    if let Some(step) = &failure.next_step {
        paragraph(out, look, "next: ", step)?;
    }
    for logged in &failure.logs {
        paragraph(out, look, "logs: ", logged)?;
    }
    let page = format!("fwprobe explain {}", failure.verdict);
    paragraph(out, look, "more: ", &page)
}

/// Returns the verdict's id, with the contradiction between result and expectation.
pub(super) fn verdict(failure: &FailureRow) -> String {
    let mut id = failure.verdict.to_owned();
    if let Some(contradiction) = failure.contradiction {
        id.push_str(&format!(": {contradiction}"));
    }
    id
}

/// Writes the mark, the ports and `verdict` on one line if there is room.
pub(super) fn headline(
    failure: &FailureRow,
    verdict: &str,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (word, tone) = (failure.mark.word(), tone(failure.mark));
    let (word_painted, verdict_painted) = (look.paint(tone, word), look.paint(tone, verdict));
    if word.len() + failure.ports.len() + verdict.len() + 2 <= usize::from(look.width) {
        let ports = look.paint(Tone::Heading, &failure.ports);
        writeln!(out, "{word_painted} {ports} {verdict_painted}")
    } else {
        // The ports of a whole profile need more than one line.
        writeln!(out, "{word_painted} {verdict_painted}")?;
        paragraph(out, look, "", &failure.ports)
    }
}

/// Writes `facts` of the evidence, with the port from which those that were seen are quoted.
pub(super) fn facts<'a>(
    failure: &FailureRow,
    facts: impl Iterator<Item = &'a String>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let on = failure.seen_on.map(|port| format!(" on {port}"));
    let on = on.unwrap_or_default();
    let seen = format!("{SEEN}{on}: ");
    let width = seen.len();
    for fact in facts {
        let (label, fact) = labelled(fact);
        if label == SEEN {
            paragraph(out, look, &seen, fact)?;
        } else {
            let label = format!("{label}: ");
            paragraph(out, look, &format!("{label:width$}"), fact)?;
        }
    }
    Ok(())
}
