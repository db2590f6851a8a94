//! Writes the table of `fwprobe idle`: a line for each rule with and without keep-alive,
//! a column for each length of silence.

use std::collections::BTreeSet;
use std::io::{self, Write};

use probe_core::judge::Outcome;
use probe_core::plan::Span;
use unicode_width::UnicodeWidthStr as _;

use super::paint::{Look, Tone};
use crate::rows::{Fate, PortRow, SilenceCell};

pub(super) fn is_wanted(ports: &[PortRow]) -> bool {
    ports.iter().any(|p| p.silence.is_some())
}

pub(super) fn write(ports: &[PortRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let held: Vec<(&PortRow, SilenceCell)> =
        ports.iter().filter_map(|p| Some((p, p.silence?))).collect();
    let times: BTreeSet<u32> = held.iter().map(|(_, silence)| silence.seconds).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (port, silence) in held {
        let row = Row::of(port, silence);
        match rows.iter_mut().find(|r| r.is_like(&row)) {
            Some(known) => known.cells.extend(row.cells),
            None => rows.push(row),
        }
    }
    let mut above: Option<&PortRow> = None;
    for row in &rows {
        let first = row.first();
        if !above.is_some_and(|above| above.same_server(first)) {
            above = Some(first);
            heading(row, &times, look, out)?;
        }
        writeln!(out, "{}", row.line(&times, look))?;
    }
    Ok(())
}

/// One rule on one address, with or without keep-alive.
struct Row<'a> {
    keep_alive_seconds: Option<u32>,
    cells: Vec<(&'a PortRow, SilenceCell)>,
}

impl<'a> Row<'a> {
    fn of(port: &'a PortRow, silence: SilenceCell) -> Self {
        Self {
            keep_alive_seconds: silence.keep_alive_seconds,
            cells: vec![(port, silence)],
        }
    }

    fn first(&self) -> &'a PortRow {
        self.cells[0].0
    }

    fn is_like(&self, other: &Self) -> bool {
        let (own, theirs) = (self.first(), other.first());
        own.rule == theirs.rule
            && own.same_server(theirs)
            && self.keep_alive_seconds == other.keep_alive_seconds
    }

    fn line(&self, times: &BTreeSet<u32>, look: Look) -> String {
        let first = self.first();
        let every = match self.keep_alive_seconds {
            Some(every) => Span(every).to_string(),
            None => "none".to_owned(),
        };
        let (word, tone) = self.outcome();
        let mut line = look.paint(tone, &format!("{word:<4}"));
        line.push_str(&format!(
            "  {:>5}  {:<6}  {every:<10}",
            first.port, first.session
        ));
        for seconds in times {
            let (word, tone) = self.fate(*seconds);
            let blank = " ".repeat(column(*seconds).saturating_sub(word.width()));
            line.push_str(&format!("  {}{blank}", look.paint(tone, word)));
        }
        line.trim_end().to_owned()
    }

    /// Returns the worst outcome in the row.
    fn outcome(&self) -> (&'static str, Tone) {
        let has = |outcome: Outcome| self.cells.iter().any(|(p, _)| p.outcome == outcome);
        if has(Outcome::NotAsExpected) {
            ("FAIL", Tone::Bad)
        } else if has(Outcome::Undecided) {
            ("?", Tone::Undecided)
        } else {
            ("ok", Tone::Good)
        }
    }

    /// Returns how the session that was silent for `seconds` ended.
    fn fate(&self, seconds: u32) -> (&'static str, Tone) {
        let Some((_, silence)) = self.cells.iter().find(|(_, s)| s.seconds == seconds) else {
            return ("-", Tone::Faint);
        };
        let tone = match silence.fate {
            Fate::Lived => Tone::Good,
            Fate::NotSeen => Tone::Faint,
            Fate::Dead | Fate::Reset | Fate::Closed | Fate::Failed | Fate::NoSession => Tone::Bad,
        };
        (silence.fate.word(), tone)
    }
}

fn heading(
    row: &Row<'_>,
    times: &BTreeSet<u32>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = look.paint(Tone::Heading, &row.first().server);
    writeln!(out, "\n{title}")?;
    let mut line = format!(
        "{:<4}  {:>5}  {:<6}  {:<10}",
        "", "PORT", "KIND", "KEEP-ALIVE"
    );
    for seconds in times {
        let width = column(*seconds);
        line.push_str(&format!("  {:<width$}", Span(*seconds).to_string()));
    }
    writeln!(out, "{}", look.paint(Tone::Faint, line.trim_end()))
}

/// Returns the width of a column: the width of its heading, or of the longest word in it.
fn column(seconds: u32) -> usize {
    Span(seconds).to_string().width().max("closed".width())
}

#[cfg(test)]
mod tests {
    use probe_core::plan::Silence;
    use probe_documents::RunDocument;

    use super::*;
    use crate::{Report, recorded};

    #[test]
    fn each_path_has_a_heading_of_its_own() {
        let text = include_str!("../../../core/tests/scenarios/demo.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let mut probe = document.probes.remove(0);
        probe.measurement.address = None;
        probe.measurement.silence = Some(Silence {
            keep_alive_seconds: None,
            seconds: 60,
        });
        let mut proxied = probe.clone();
        proxied.measurement.path = "socks5h://proxy:1080".parse().unwrap();
        document.probes = vec![probe, proxied];
        let text = recorded::written(|out| write(&Report::of(&document).ports, Look::PLAIN, out));
        assert_eq!(text.matches("KEEP-ALIVE").count(), 2, "{text}");
        assert!(text.contains("through socks5h://proxy:1080"), "{text}");
    }
}
