//! Writes the table of `fwprobe idle`: a line for each rule and keep-alive, a column for each length of silence.

use std::collections::BTreeSet;
use std::io::{self, Write};

use probe_core::document::{Outcome, Probe, RunDocument};
use probe_core::observation::{FailureKind, Operation};
use probe_core::plan::{Silence, Span};
use unicode_width::UnicodeWidthStr as _;

use super::columns::{Server, server, title};
use super::paint::{Look, Tone};

pub(super) fn is_wanted(document: &RunDocument) -> bool {
    document
        .probes
        .iter()
        .any(|p| p.measurement.silence.is_some())
}

pub(super) fn write(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let held: Vec<(&Probe, Silence)> = document
        .probes
        .iter()
        .filter_map(|p| Some((p, p.measurement.silence?)))
        .collect();
    let times: BTreeSet<u32> = held.iter().map(|(_, silence)| silence.seconds).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (probe, silence) in held {
        let row = Row::of(probe, silence);
        match rows.iter_mut().find(|r| r.is_like(&row)) {
            Some(known) => known.probes.extend(row.probes),
            None => rows.push(row),
        }
    }
    let mut above = None;
    for row in &rows {
        if above != Some(row.server()) {
            above = Some(row.server());
            heading(row, &times, look, out)?;
        }
        writeln!(out, "{}", row.line(&times, look))?;
    }
    Ok(())
}

/// One rule on one address, with or without keep-alive.
struct Row<'a> {
    keep_alive_seconds: Option<u32>,
    probes: Vec<(&'a Probe, u32)>,
}

impl<'a> Row<'a> {
    fn of(probe: &'a Probe, silence: Silence) -> Self {
        Self {
            keep_alive_seconds: silence.keep_alive_seconds,
            probes: vec![(probe, silence.seconds)],
        }
    }

    fn first(&self) -> &'a Probe {
        self.probes[0].0
    }

    fn server(&self) -> Server<'a> {
        server(&self.first().measurement)
    }

    fn is_like(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.first().measurement, &other.first().measurement);
        own.rule.id == theirs.rule.id
            && self.server() == other.server()
            && self.keep_alive_seconds == other.keep_alive_seconds
    }

    fn line(&self, times: &BTreeSet<u32>, look: Look) -> String {
        let rule = &self.first().measurement.rule;
        let every = match self.keep_alive_seconds {
            Some(every) => Span(every).to_string(),
            None => "none".to_owned(),
        };
        let (word, tone) = self.outcome();
        let mut line = look.paint(tone, &format!("{word:<4}"));
        line.push_str(&format!(
            "  {:>5}  {:<6}  {every:<10}",
            rule.port.to_string(),
            rule.session.to_string()
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
        let has = |outcome: Outcome| self.probes.iter().any(|(p, _)| p.outcome == outcome);
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
        let Some((probe, _)) = self.probes.iter().find(|(_, s)| *s == seconds) else {
            return ("-", Tone::Faint);
        };
        match probe.measurement.failure() {
            None => ("lived", Tone::Good),
            Some((Operation::Hold | Operation::Resume, failure)) => match failure.kind {
                FailureKind::TimedOut => ("dead", Tone::Bad),
                FailureKind::Reset => ("reset", Tone::Bad),
                FailureKind::Closed => ("closed", Tone::Bad),
                FailureKind::Interrupted => ("-", Tone::Faint),
                FailureKind::NameNotFound
                | FailureKind::ResolverFailed
                | FailureKind::NetworkUnreachable
                | FailureKind::HostUnreachable
                | FailureKind::PermissionDenied
                | FailureKind::Refused
                | FailureKind::Slow
                | FailureKind::TlsFailed
                | FailureKind::Foreign
                | FailureKind::Altered
                | FailureKind::Declined
                | FailureKind::KeyRefused
                | FailureKind::ProxyRefused
                | FailureKind::LocalResource
                | FailureKind::Other => ("failed", Tone::Bad),
            },
            Some(_) => ("no", Tone::Bad),
        }
    }
}

fn heading(
    row: &Row<'_>,
    times: &BTreeSet<u32>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = title(row.server());
    writeln!(out, "\n{}", look.paint(Tone::Heading, &title))?;
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

/// Returns the width of a column: that of its time, or of the longest word in it.
fn column(seconds: u32) -> usize {
    Span(seconds).to_string().width().max("closed".width())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_a_heading_of_its_own() {
        let text = include_str!("../../core/tests/scenarios/demo.json");
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
        let mut out = Vec::new();
        write(&document, Look::PLAIN, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("KEEP-ALIVE").count(), 2, "{text}");
        assert!(text.contains("through socks5h://proxy:1080"), "{text}");
    }
}
