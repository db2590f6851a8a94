//! Writes the text table: one line per probe, and below it every failure with its evidence and the next step.

use std::io::{self, Write};

use probe_core::catalogue::VerdictId;
use probe_core::document::{Outcome, Probe, RunDocument};
use probe_core::measurement::Measurement;
use probe_core::observation::FailureKind;
use probe_core::profile::Expectation;
use probe_core::verdict::Finding;
use unicode_width::UnicodeWidthStr as _;

use super::columns::{GAP, Server, mark, ports, server, shortened, title};
use super::paint::{Look, Tone, paragraph};
use super::{checks, details, egress, idle, matrix};

pub(super) fn write(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    heading(document, look, out)?;
    if idle::is_wanted(document) {
        idle::write(document, look, out)?;
    } else if matrix::is_wanted(document) {
        matrix::write(document, look, out)?;
    } else {
        for (_, probes) in by_server(&document.probes) {
            group(&probes, look, out)?;
        }
    }
    details::write(document, look, out)?;
    notes(document, look, out)?;
    egress::write(document, look, out)?;
    skipped(document, look, out)?;
    checks::of_run(&document.checks, look, out)?;
    summary(document, look, out)
}

fn heading(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let what = match &document.run.profile {
        Some(profile) => profile.to_string(),
        None => "ports given by hand".to_owned(),
    };
    let to = document.server.hosts.join(", ");
    writeln!(
        out,
        "{}",
        look.paint(Tone::Heading, &format!("fwprobe: {what} → {to}"))
    )?;
    if let Some(name) = &document.host.name {
        let user = document.host.user.as_deref().unwrap_or("an unknown user");
        // The report shows no fractions of a second.
        let started = document.run.started.split('.').next().unwrap_or_default();
        let from = format!("from {name} as {user}, {}Z", started.trim_end_matches('Z'));
        writeln!(out, "{}", look.paint(Tone::Faint, &from))?;
    }
    Ok(())
}

/// Returns probes in the order of the document, grouped by server.
fn by_server(probes: &[Probe]) -> Vec<(Server<'_>, Vec<&Probe>)> {
    let mut groups: Vec<(Server<'_>, Vec<&Probe>)> = Vec::new();
    for probe in probes {
        let server = server(&probe.measurement);
        match groups.iter_mut().find(|(s, _)| *s == server) {
            Some((_, group)) => group.push(probe),
            None => groups.push((server, vec![probe])),
        }
    }
    groups
}

fn group(probes: &[&Probe], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let title = title(server(&probes[0].measurement));
    writeln!(out, "\n{}", look.paint(Tone::Heading, &title))?;
    // If all ports are expected to be open, the last line says so.
    let mixed = probes.iter().any(|p| expects_blocked(p));
    let mut header = vec!["", "PORT", "KIND", "VERDICT", "WHERE", "TIME", "PURPOSE"];
    let mut rows: Vec<Vec<String>> = probes.iter().map(|p| row(p)).collect();
    if mixed {
        header.insert(EXPECTED, "EXPECTED");
        for (row, probe) in rows.iter_mut().zip(probes) {
            row.insert(EXPECTED, probe.measurement.rule.expect.to_string());
        }
    }
    let widths = widths(&header, &rows, usize::from(look.width));
    let faint: Vec<Tone> = header.iter().map(|_| Tone::Faint).collect();
    let titles: Vec<String> = header.iter().map(ToString::to_string).collect();
    writeln!(out, "{}", line(&titles, &widths, &faint, look))?;
    for (probe, cells) in probes.iter().zip(&rows) {
        let tone = mark(probe).1;
        let mut tones = vec![Tone::Plain; cells.len()];
        tones[0] = tone;
        tones[3] = tone;
        writeln!(out, "{}", line(cells, &widths, &tones, look))?;
    }
    Ok(())
}

fn row(probe: &Probe) -> Vec<String> {
    let m = &probe.measurement;
    vec![
        mark(probe).0.to_owned(),
        m.rule.port.to_string(),
        m.rule.session.to_string(),
        probe.verdict.id.to_string(),
        probe.verdict.segment.to_string(),
        milliseconds(probe.timings.whole_us.unwrap_or(probe.timings.total_us)),
        m.rule.purpose.clone(),
    ]
}

/// Returns the column widths: each column is as wide as its widest cell, and the last one has the rest of the line.
fn widths(header: &[&str], rows: &[Vec<String>], line: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = header.iter().map(|h| h.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    if let Some((last, others)) = widths.split_last_mut() {
        let taken: usize = others.iter().map(|w| w + GAP.len()).sum();
        *last = (*last).min(line.saturating_sub(taken).max(SHORTEST_LAST));
    }
    widths
}

fn line(cells: &[String], widths: &[usize], tones: &[Tone], look: Look) -> String {
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

/// Writes every finding, once per distinct claim, with the ports that it is about.
fn notes(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut all: Vec<&Finding> = Vec::new();
    for finding in document.probes.iter().flat_map(|p| &p.findings) {
        if !all
            .iter()
            .any(|f| (f.id, &f.claim) == (finding.id, &finding.claim))
        {
            all.push(finding);
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", look.paint(Tone::Heading, "Noted"))?;
    for finding in all {
        let same = |p: &Probe| {
            let mut own = p.findings.iter();
            own.any(|f| (f.id, &f.claim) == (finding.id, &finding.claim))
        };
        let mut text = format!("{}: {}", ports(document, same), finding.claim);
        if let Some(detail) = finding.detail.as_ref().filter(|_| alone(document, finding)) {
            text.push_str(&format!(" ({detail})"));
        }
        let label = format!("{}  ", finding.id);
        paragraph(out, look, &label, &text)?;
    }
    Ok(())
}

/// Returns whether only one probe has this finding, so that its figures apply to the whole report.
fn alone(document: &RunDocument, finding: &Finding) -> bool {
    let all = document.probes.iter().flat_map(|p| &p.findings);
    all.filter(|f| f.id == finding.id).count() == 1
}

fn skipped(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    if document.skipped.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{}",
        look.paint(Tone::Heading, "Not tested from here")
    )?;
    for rule in &document.skipped {
        let text = format!("{} {}: {}", rule.port, rule.purpose, rule.because);
        paragraph(out, look, "", &text)?;
    }
    Ok(())
}

fn summary(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let s = &document.summary;
    let tone = match s.exit_code {
        0 => Tone::Good,
        1 => Tone::Bad,
        _ => Tone::Undecided,
    };
    let open = !document.probes.iter().any(expects_blocked);
    let expected = if open { " (open)" } else { "" };
    let mut text = format!("{} of {} as expected{expected}", s.as_expected, s.probes);
    let warned = |p: &Probe| p.outcome == Outcome::AsExpected && p.needs_a_word();
    if document.probes.iter().any(warned) {
        text.push_str(&format!(", but {}", by_verdict(document, warned)));
    }
    if s.not_as_expected > 0 {
        let which = by_verdict(document, |p| p.outcome == Outcome::NotAsExpected);
        text.push_str(&format!(", {} not: {which}", s.not_as_expected));
    }
    if s.undecided > 0 {
        let which = by_verdict(document, |p| p.outcome == Outcome::Undecided);
        text.push_str(&format!(", {} undecided: {which}", s.undecided));
    }
    if s.skipped > 0 {
        text.push_str(&format!(", {} not tested from here", s.skipped));
    }
    if document.run.complete && document.reference_probes.iter().any(not_waited_for) {
        text.push_str(
            "; the control port gave no answer and was not waited for: no rule needed it",
        );
    }
    if !document.run.complete {
        text.push_str("; INCOMPLETE: the run was interrupted");
    }
    writeln!(out)?;
    let width = usize::from(look.width.clamp(40, 100));
    for line in textwrap::wrap(&text, width) {
        writeln!(out, "{}", look.paint(tone, &line))?;
    }
    Ok(())
}

/// Lists the ports of the probes that `include` accepts by verdict: `dropped 443, 5901; rejected 80`.
fn by_verdict(document: &RunDocument, include: impl Fn(&Probe) -> bool) -> String {
    let mut found: Vec<(VerdictId, Vec<String>)> = Vec::new();
    for probe in document.probes.iter().filter(|p| include(p)) {
        let port = probe.measurement.rule.port.to_string();
        match found.iter_mut().find(|(id, _)| *id == probe.verdict.id) {
            Some((_, ports)) if ports.contains(&port) => {}
            Some((_, ports)) => ports.push(port),
            None => found.push((probe.verdict.id, vec![port])),
        }
    }
    let texts: Vec<String> = found
        .iter()
        .map(|(id, ports)| format!("{id} {}", ports.join(", ")))
        .collect();
    texts.join("; ")
}

/// Returns whether this reference probe was ended early.
fn not_waited_for(comparison: &Measurement) -> bool {
    let failure = comparison.failure();
    failure.is_some_and(|(_, failure)| failure.kind == FailureKind::Interrupted)
}

fn expects_blocked(probe: &Probe) -> bool {
    probe.measurement.rule.expect == Expectation::Blocked
}

fn milliseconds(us: u64) -> String {
    match us {
        0..10_000 => format!("{:.1} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// Index of the column with the expectation.
const EXPECTED: usize = 4;

/// Width of the last column if the line is too short for all columns.
const SHORTEST_LAST: usize = 12;

#[cfg(test)]
mod tests {
    use probe_core::control_record::ControlOutcome;
    use probe_core::path::NetworkPath;

    use super::*;

    fn rendered(look: Look) -> String {
        render(include_str!("../../core/tests/scenarios/demo.json"), look)
    }

    fn render(text: &str, look: Look) -> String {
        let document: RunDocument = serde_json::from_str(text).unwrap();
        let document = probe_core::judge::judge_again(document);
        let mut out = Vec::new();
        write(&document, look, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn eighty_columns_without_colour() {
        let text = rendered(Look::PLAIN);
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn several_paths_are_told_as_a_matrix() {
        let text = include_str!("../../core/tests/scenarios/through-proxies.json");
        let text = render(text, Look::PLAIN);
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn failures_that_differ_in_the_port_are_told_once() {
        let text = include_str!("../../core/tests/scenarios/dropped.json");
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
        let document = probe_core::judge::judge_again(document);
        let mut out = Vec::new();
        write(&document, Look::PLAIN, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("next: ").count(), 1, "{text}");
        assert_eq!(text.matches("logs: ").count(), 1, "{text}");
        assert!(text.contains("ports 5902, 5903"), "{text}");
    }

    #[test]
    fn a_port_that_is_open_with_loss_has_its_reason_and_next_step() {
        let text = include_str!("../../core/tests/scenarios/demo.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let open = |p: &&mut Probe| p.verdict.id == VerdictId::Reachable;
        let probe = document.probes.iter_mut().find(open).unwrap();
        probe.verdict.id = VerdictId::ReachableWithLoss;
        probe.verdict.claim = "it loses every other SYN".to_owned();
        probe.verdict.next_step = Some("ask the network team for it".to_owned());
        let mut out = Vec::new();
        write(&document, Look::PLAIN, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("it loses every other SYN"), "{text}");
        assert!(text.contains("next: ask the network team for it"), "{text}");
    }

    /// Two names that only the proxy resolves must not share a group, although they share a path.
    #[test]
    fn hosts_without_an_address_are_kept_apart() {
        let text = include_str!("../../core/tests/scenarios/through-proxies.json");
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
        let groups = by_server(&document.probes);
        let titles: Vec<String> = groups.iter().map(|(s, _)| title(*s)).collect();
        let host = &document.probes[0].measurement.host;
        let through = format!("{host} through http://proxy:3128");
        assert_eq!(titles, [host.as_str(), "second.example", &through]);
    }

    #[test]
    fn a_wide_terminal_shows_purposes_whole() {
        let look = Look {
            colour: false,
            width: 160,
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
