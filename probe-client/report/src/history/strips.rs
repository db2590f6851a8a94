//! Strips of outcomes as text, a mark for each run.

use std::io::{self, Write};

use probe_core::judge::Outcome;
use probe_documents::history::{SeriesStrips, Strip};
use unicode_width::UnicodeWidthStr as _;

use super::heading;
use crate::text::{GAP, Look, Tone, padded};

/// Writes the strips of all series, newest runs at the right. Runs for which there is no room are left out.
pub(super) fn write(all: &[SeriesStrips], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let strips = all.iter().flat_map(|series| &series.strips);
    let label = strips.map(|strip| label(strip).width()).max();
    let Some(label) = label.map(|label| label.min(WIDEST_LABEL)) else {
        return Ok(());
    };
    let room = usize::from(look.width).saturating_sub(label + 2 * GAP.len());
    for series in all {
        writeln!(out)?;
        if all.len() > 1 {
            let title = heading(&series.series);
            writeln!(out, "{}", look.paint(Tone::Heading, &title))?;
        }
        let mut path = "";
        for strip in &series.strips {
            if strip.path != path {
                path = &strip.path;
                writeln!(
                    out,
                    "{GAP}{}",
                    look.paint(Tone::Faint, &format!("over {path}"))
                )?;
            }
            let label = padded(&self::label(strip), label);
            write!(out, "{GAP}{}{GAP}", look.paint(Tone::Plain, &label))?;
            let skipped = strip.outcomes.len().saturating_sub(room);
            for outcome in &strip.outcomes[skipped..] {
                let (mark, tone) = mark(*outcome);
                write!(out, "{}", look.paint(tone, mark))?;
            }
            writeln!(out)?;
        }
    }
    writeln!(out, "{GAP}{}", look.paint(Tone::Faint, LEGEND))
}

fn label(strip: &Strip) -> String {
    format!("{}/{} ({})", strip.port, strip.session, strip.rule)
}

/// Returns the mark of one outcome, and its colour.
pub(crate) const fn mark(outcome: Option<Outcome>) -> (&'static str, Tone) {
    match outcome {
        Some(Outcome::AsExpected) => (".", Tone::Good),
        Some(Outcome::NotAsExpected) => ("F", Tone::Bad),
        Some(Outcome::Undecided) => ("?", Tone::Undecided),
        None => ("-", Tone::Faint),
    }
}

const LEGEND: &str = "newest at the right: . as expected, F not as expected, ? undecided, - none";
/// The greatest width of a strip's label.
const WIDEST_LABEL: usize = 44;
