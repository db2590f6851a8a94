//! Writes every verdict that needs an explanation below the table, with its evidence and the next step.

use std::io::{self, Write};

use super::columns::tone;
use super::paint::{Look, Tone, paragraph};
use crate::rows::FailureRow;

pub(super) fn write(failures: &[FailureRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    for failure in failures {
        detail(failure, look, out)?;
    }
    Ok(())
}

fn detail(failure: &FailureRow, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (word, tone) = (failure.mark.word(), tone(failure.mark));
    let mut id = failure.verdict.to_owned();
    if let Some(contradiction) = failure.contradiction {
        id.push_str(&format!(": {contradiction}"));
    }
    let (word_painted, id_painted) = (look.paint(tone, word), look.paint(tone, &id));
    if word.len() + failure.ports.len() + id.len() + 2 <= usize::from(look.width) {
        let ports = look.paint(Tone::Heading, &failure.ports);
        writeln!(out, "\n{word_painted} {ports} {id_painted}")?;
    } else {
        // The ports of a whole profile need more than one line.
        writeln!(out, "\n{word_painted} {id_painted}")?;
        paragraph(out, look, "", &failure.ports)?;
    }
    paragraph(out, look, "", &failure.claim)?;
    let seen = match failure.seen_on {
        None => "seen: ".to_owned(),
        Some(port) => format!("seen on {port}: "),
    };
    for fact in &failure.evidence {
        paragraph(out, look, &seen, fact)?;
    }
    if let Some(step) = &failure.next_step {
        paragraph(out, look, "next: ", step)?;
    }
    for logged in &failure.logs {
        paragraph(out, look, "logs: ", logged)?;
    }
    let page = format!("fwprobe explain {}", failure.verdict);
    paragraph(out, look, "more: ", &page)
}
