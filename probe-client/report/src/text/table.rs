//! Writes the text table: one line per probe, and below it every failure with its evidence and the next step. A table
//! for a screen shows less of them where all of them would not fit.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr as _;

use super::columns::{GAP, shortened, tone};
use super::depth::{Depth, Notes, fitted};
use super::paint::{Look, Tone, folding, paragraph};
use super::{checks, details, egress, folded, idle, matrix};
use crate::duration::milliseconds;
use crate::rows::{NoteRow, PortRow, Report, RunRow, ScopeRow, Shortened, SkippedRow, SummaryRow};

pub(crate) fn write(report: &Report, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let shortened = report.shortened();
    let text = fitted(&shortened.report, look.whole, |depth, out| {
        at_depth(&shortened, depth, look, out)
    })?;
    out.write_all(&text)
}

fn at_depth(
    shortened: &Shortened,
    depth: Depth,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Shortened { report, left_out } = shortened;
    heading(&report.run, look, out)?;
    if idle::is_wanted(&report.ports) {
        idle::write(&report.ports, look, out)?;
    } else if matrix::is_wanted(report) {
        matrix::write(report, look, out)?;
    } else {
        let servers = by_server(&report.ports);
        for ports in &servers {
            // The first line of the report names the server, too.
            let is_named = servers.len() == 1 && report.run.hosts == [ports[0].server.as_str()];
            group(ports, depth == Depth::WHOLE || !is_named, look, out)?;
        }
    }
    match depth.folded {
        None => details::write(&report.failures, look, out)?,
        Some(folded) => folded::write(report, folded, look, out)?,
    }
    if depth.notes == Notes::Whole {
        notes(&report.notes, look, out)?;
    }
    if depth.allow_list {
        egress::write(&report.egress, look, out)?;
    }
    skipped(&report.skipped, look, out)?;
    scope(report.scope.as_ref(), look, out)?;
    checks::of_run(&report.checks, look, out)?;
    if let Some(text) = left_out {
        writeln!(out)?;
        paragraph(out, look, "", text)?;
    }
    if depth != Depth::WHOLE {
        folded::below(report, depth, look, out)?;
    }
    summary(&report.summary, look, out)
}

fn heading(run: &RunRow, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("fwprobe: {} → {}", run.what, run.hosts.join(", "));
    writeln!(out, "{}", look.paint(Tone::Heading, &title))?;
    if let Some(node) = &run.node {
        let user = run.user.as_deref().unwrap_or("an unknown user");
        let from = format!("from {node} as {user}, {}", run.started);
        writeln!(out, "{}", look.paint(Tone::Faint, &from))?;
    }
    if !run.labels.is_empty() {
        let labels = format!("labels: {}", run.labels_in_line(", "));
        let options = folding(usize::from(look.width.clamp(40, 100)));
        for line in textwrap::wrap(&labels, options) {
            writeln!(out, "{}", look.paint(Tone::Faint, &line))?;
        }
    }
    Ok(())
}

/// Returns the rows in the order of the report, grouped by server.
fn by_server(ports: &[PortRow]) -> Vec<Vec<&PortRow>> {
    let mut groups: Vec<Vec<&PortRow>> = Vec::new();
    for port in ports {
        let mut known = groups.iter_mut();
        match known.find(|group| group[0].same_server(port)) {
            Some(group) => group.push(port),
            None => groups.push(vec![port]),
        }
    }
    groups
}

/// Writes the rows of one server, below its name if `is_titled`.
fn group(ports: &[&PortRow], is_titled: bool, look: Look, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    if is_titled {
        writeln!(out, "{}", look.paint(Tone::Heading, &ports[0].server))?;
    }
    // If all ports are expected to be open, the last line says so.
    let mixed = ports.iter().any(|p| p.expects_blocked());
    let mut header = vec!["", "PORT", "KIND", "VERDICT", "WHERE", "TIME", "PURPOSE"];
    let mut rows: Vec<Vec<String>> = ports.iter().map(|p| cells(p)).collect();
    if mixed {
        header.insert(EXPECTED, "EXPECTED");
        for (row, port) in rows.iter_mut().zip(ports) {
            row.insert(EXPECTED, port.expected.clone());
        }
    }
    let widths = widths(&header, &rows, usize::from(look.width));
    let faint: Vec<Tone> = header.iter().map(|_| Tone::Faint).collect();
    let titles: Vec<String> = header.iter().map(ToString::to_string).collect();
    writeln!(out, "{}", line(&titles, &widths, &faint, look))?;
    for (port, cells) in ports.iter().zip(&rows) {
        let tone = tone(port.mark);
        let mut tones = vec![Tone::Plain; cells.len()];
        tones[0] = tone;
        tones[3] = tone;
        writeln!(out, "{}", line(cells, &widths, &tones, look))?;
    }
    Ok(())
}

/// Returns the cells of one probe's line.
pub(super) fn cells(port: &PortRow) -> Vec<String> {
    vec![
        port.mark.word().to_owned(),
        port.port.to_string(),
        port.session.to_owned(),
        port.verdict.id.to_owned(),
        port.verdict.place.clone(),
        milliseconds(port.time_us),
        port.purpose.clone(),
    ]
}

/// Returns the column widths: each column is as wide as its widest cell, and the last one has the rest of the line. A
/// line without room for it lacks the last one.
pub(super) fn widths(header: &[&str], rows: &[Vec<String>], line: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = header.iter().map(|h| h.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let last = widths.pop().unwrap_or_default();
    let taken: usize = widths.iter().map(|w| w + GAP.len()).sum();
    let room = line.saturating_sub(taken);
    if last.min(SHORTEST_LAST) <= room {
        widths.push(last.min(room));
    }
    widths
}

/// Returns one line of a table.
pub(super) fn line(cells: &[String], widths: &[usize], tones: &[Tone], look: Look) -> String {
    let mut line = String::new();
    for (index, ((cell, width), tone)) in cells.iter().zip(widths).zip(tones).enumerate() {
        let cell = shortened(cell, *width);
        let blank = " ".repeat(width - cell.width());
        let painted = look.paint(*tone, &cell);
        // The port is a number, so it is aligned to the right.
        if index == 1 {
            line.push_str(&blank);
            line.push_str(&painted);
        } else {
            line.push_str(&painted);
            line.push_str(&blank);
        }
        line.push_str(GAP);
    }
    line.trim_end().to_owned()
}

/// Writes every finding with the ports that it is about.
fn notes(notes: &[NoteRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    if notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", look.paint(Tone::Heading, "Noted"))?;
    for note in notes {
        let mut text = format!("{}: {}", note.ports, note.claim);
        if let Some(detail) = &note.detail {
            text.push_str(&format!(" ({detail})"));
        }
        let label = format!("{}  ", note.id);
        paragraph(out, look, &label, &text)?;
    }
    Ok(())
}

fn skipped(skipped: &[SkippedRow], look: Look, out: &mut dyn Write) -> io::Result<()> {
    if skipped.is_empty() {
        return Ok(());
    }
    let title = look.paint(Tone::Heading, "Not tested from here");
    writeln!(out, "\n{title}")?;
    for rule in skipped {
        let text = format!("{} {}: {}", rule.port, rule.purpose, rule.because);
        paragraph(out, look, "", &text)?;
    }
    Ok(())
}

fn scope(scope: Option<&ScopeRow>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let Some(scope) = scope else {
        return Ok(());
    };
    writeln!(out, "\n{}", look.paint(Tone::Heading, "Scope"))?;
    for tested in &scope.tested {
        paragraph(out, look, "tested: ", tested)?;
    }
    paragraph(out, look, "", scope.limits)
}

fn summary(summary: &SummaryRow, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let tone = match summary.exit_code {
        0 => Tone::Good,
        1 => Tone::Bad,
        _ => Tone::Undecided,
    };
    writeln!(out)?;
    let options = folding(usize::from(look.width.clamp(40, 100)));
    for line in textwrap::wrap(&summary.sentence, options) {
        writeln!(out, "{}", look.paint(tone, &line))?;
    }
    Ok(())
}

/// Index of the column with the expectation.
const EXPECTED: usize = 4;

/// The width below which a longer last column is left out.
const SHORTEST_LAST: usize = 12;

#[cfg(test)]
mod tests {
    use probe_core::catalogue::VerdictId;
    use probe_core::control_record::ControlOutcome;
    use probe_core::measurement::Measurement;
    use probe_core::path::NetworkPath;
    use probe_core::profile::Expectation;
    use probe_documents::{Probe, RunDocument};

    use super::*;
    use crate::recorded;

    fn rendered(look: Look) -> String {
        render(&recorded::DEMO.read(), look)
    }

    fn render(document: &RunDocument, look: Look) -> String {
        recorded::written(|out| write(&Report::of(document), look, out))
    }

    #[test]
    fn eighty_columns_without_colour() {
        let text = rendered(Look::PLAIN);
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn labels_are_below_the_node_and_names_are_not_broken_at_hyphens() {
        let site = format!("site={}", "data-centre-".repeat(6));
        let run = recorded::with_labels(&["node=n042", "rack=12", &site]);
        let text = render(&run, Look::PLAIN);
        assert!(text.contains("from n042 as hpcadmin, "), "{text}");
        let labels = format!("\nlabels: node=n042, rack=12,\n{site}\n");
        assert!(text.contains(&labels), "{text}");
    }

    /// A port is done only when the sessions that look for the cause have ended too, not when its own session has.
    #[test]
    fn the_time_is_that_of_all_that_was_done_for_a_port() {
        let text = include_str!("../../../core/tests/scenarios/dropped.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        document.probes.truncate(1);
        let mut shown = |whole_us| {
            document.probes[0].timings.total_us = 3_500_000;
            document.probes[0].timings.whole_us = whole_us;
            render(&document, Look::PLAIN)
        };
        let text = shown(Some(27_000_000));
        assert!(text.contains("  27.0 s  "), "{text}");
        // Documents of the first version do not have this figure.
        let text = shown(None);
        assert!(text.contains("  3.5 s  "), "{text}");
    }

    #[test]
    fn several_paths_are_told_as_a_matrix() {
        let text = render(&recorded::THROUGH_PROXIES.read(), Look::PLAIN);
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn failures_that_differ_in_the_port_are_told_once() {
        let text = include_str!("../../../core/tests/scenarios/dropped.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let dropped = document
            .probes
            .iter()
            .position(|p| p.verdict.id == VerdictId::Dropped);
        let mut other = document.probes[dropped.unwrap()].clone();
        other.measurement.rule.id = "another".parse().unwrap();
        other.measurement.rule.port = "5903".parse().unwrap();
        let address = other.measurement.address.as_mut().unwrap();
        address.set_port(5903);
        document.probes.push(other);
        for control in &mut document.server.controls {
            if let ControlOutcome::Reached { description, .. } = &mut control.outcome {
                let mut listener = description.listeners[0].clone();
                listener.address.set_port(5903);
                listener.public_port = Some(5903);
                description.listeners.push(listener);
            }
        }
        let document = probe_documents::judge_again(document);
        let text = render(&document, Look::PLAIN);
        assert_eq!(text.matches("next: ").count(), 1, "{text}");
        assert_eq!(text.matches("logs: ").count(), 1, "{text}");
        assert!(text.contains("ports 5902, 5903"), "{text}");
        assert!(text.contains("\n  seen on 5902: "), "{text}");
        // A cause that is not excluded was not seen. Its text begins in the same column.
        assert!(text.contains("\n  or:           the "), "{text}");
    }

    #[test]
    fn a_port_that_is_open_with_loss_has_its_reason_and_next_step() {
        let text = include_str!("../../../core/tests/scenarios/demo.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let open = |p: &&mut Probe| p.verdict.id == VerdictId::Reachable;
        let probe = document.probes.iter_mut().find(open).unwrap();
        probe.verdict.id = VerdictId::ReachableWithLoss;
        probe.verdict.claim = "it loses every other SYN".to_owned();
        probe.verdict.next_step = Some("ask the network team for it".to_owned());
        let text = render(&document, Look::PLAIN);
        assert!(text.contains("it loses every other SYN"), "{text}");
        assert!(text.contains("next: ask the network team for it"), "{text}");
    }

    fn expected_blocked(recorded: &recorded::Recorded) -> RunDocument {
        let mut document = recorded.as_saved();
        for probe in &mut document.probes {
            probe.measurement.rule.expect = Expectation::Blocked;
        }
        probe_documents::judge_again(document)
    }

    #[test]
    fn a_port_that_is_open_against_expectation_says_so_and_what_to_do() {
        let text = render(&expected_blocked(recorded::DEMO), Look::PLAIN);
        let blocks: Vec<&str> = text.split("\n\n").collect();
        let said = |block: &&&str| block.contains("expected blocked, but open");
        let block = blocks.iter().find(said).expect(&text);
        assert!(block.starts_with("FAIL "), "{block}");
        let mut lines = block.lines().map(str::trim_start);
        let next = lines.find(|line| line.starts_with("next: "));
        let next = next.expect(block);
        assert!(next.contains("ask the firewall team which rule"), "{next}");
        // A port on which nothing listens is not blocked, either.
        let closed = "expected blocked, but not blocked";
        let block = blocks.iter().find(|block| block.contains(closed));
        let block = block.expect(&text);
        assert!(block.contains("next: "), "{block}");
        assert!(!block.contains("start fwprobe-echo"), "{block}");
        let nowhere = render(
            &expected_blocked(recorded::BLOCKED_ON_THIS_HOST),
            Look::PLAIN,
        );
        let words = "expected blocked, but nothing got far enough to tell";
        assert!(nowhere.contains(words), "{nowhere}");
    }

    #[test]
    fn a_port_that_is_blocked_as_expected_shows_its_expectation() {
        let text = render(&expected_blocked(recorded::DROPPED), Look::PLAIN);
        let mut lines = text.lines();
        let header = lines.find(|line| line.contains("VERDICT")).expect(&text);
        let at = header.find("EXPECTED").expect(header);
        let row = lines.find(|line| line.contains(" dropped ")).expect(&text);
        assert!(row.starts_with("ok "), "{row}");
        assert!(row[at..].starts_with("blocked "), "{row}");
    }

    /// Two names that only the proxy resolves must not share a group, although they share a path.
    #[test]
    fn hosts_without_an_address_are_kept_apart() {
        let text = include_str!("../../../core/tests/scenarios/through-proxies.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let mut probes = document.probes.into_iter().map(|p| Probe {
            measurement: Measurement {
                address: None,
                path: NetworkPath::Direct,
                ..p.measurement
            },
            ..p
        });
        let first = probes.next().unwrap();
        let mut second = first.clone();
        second.measurement.host = "second.example".to_owned();
        let third = Probe {
            measurement: Measurement {
                path: "http://proxy:3128".parse().unwrap(),
                ..first.measurement.clone()
            },
            ..first.clone()
        };
        document.probes = vec![first, second, third];
        let report = Report::of(&document);
        let groups = by_server(&report.ports);
        let titles: Vec<&str> = groups.iter().map(|g| g[0].server.as_str()).collect();
        let host = &document.probes[0].measurement.host;
        let through = format!("{host} through http://proxy:3128");
        assert_eq!(titles, [host, "second.example", &through]);
    }

    #[test]
    fn a_wide_terminal_shows_purposes_whole() {
        let look = Look {
            width: 160,
            ..Look::PLAIN
        };
        insta::assert_snapshot!(rendered(look));
    }

    #[test]
    fn colour_adds_nothing_but_escapes() {
        let look = Look {
            colour: true,
            ..Look::PLAIN
        };
        let coloured = rendered(look);
        assert_ne!(coloured, rendered(Look::PLAIN));
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(stripped, rendered(Look::PLAIN));
    }
}
