//! Writes every verdict that needs an explanation below the table: once for all of its ports, with its evidence and the
//! next step.

use std::io::{self, Write};

use probe_core::catalogue::VerdictId;
use probe_core::document::{Outcome, Probe, RunDocument};
use probe_core::judge::Met;
use probe_core::traffic::in_logs;

use super::columns::{mark, ports};
use super::paint::{Look, paragraph};

/// Writes every verdict that is not simply as expected, once per distinct claim. Claims that differ only in the port
/// count as one.
pub(super) fn write(document: &RunDocument, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for group in groups(document) {
        detail(document, &group, look, out)?;
    }
    Ok(())
}

/// Groups probes with the same verdict and claim.
fn groups(document: &RunDocument) -> Vec<Vec<&Probe>> {
    let mut groups: Vec<(Key, Vec<&Probe>)> = Vec::new();
    for probe in document.probes.iter().filter(|p| p.needs_a_word()) {
        let key = Key::of(probe);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(probe),
            None => groups.push((key, vec![probe])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Everything that is said about a probe, without its port.
#[derive(PartialEq)]
struct Key {
    id: VerdictId,
    outcome: Outcome,
    claim: String,
    next_step: Option<String>,
}

impl Key {
    fn of(probe: &Probe) -> Self {
        let verdict = &probe.verdict;
        let any = |text: &String| with_ports(text, probe, &[]);
        Self {
            id: verdict.id,
            outcome: probe.outcome,
            claim: any(&verdict.claim),
            next_step: verdict.next_step.as_ref().map(any),
        }
    }
}

fn detail(
    document: &RunDocument,
    group: &[&Probe],
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(first) = group.first() else {
        return Ok(());
    };
    let (word, tone) = mark(first);
    let verdict = &first.verdict;
    let listed = ports(document, |p| group.iter().any(|g| std::ptr::eq(*g, p)));
    let mut id = verdict.id.to_string();
    if let Some(met) = Met::of(verdict, first.measurement.rule.expect).contradiction() {
        id.push_str(&format!(": {met}"));
    }
    let (word_painted, id_painted) = (look.paint(tone, word), look.paint(tone, &id));
    if word.len() + listed.len() + id.len() + 2 <= usize::from(look.width) {
        let listed = look.paint(super::paint::Tone::Heading, &listed);
        writeln!(out, "\n{word_painted} {listed} {id_painted}")?;
    } else {
        // The ports of a whole profile need more than one line.
        writeln!(out, "\n{word_painted} {id_painted}")?;
        paragraph(out, look, "", &listed)?;
    }
    let dialled = dialled(group);
    let alike = dialled.len() < 2 || group.iter().all(|p| p.verdict.claim == verdict.claim);
    let for_all = |text: &str| {
        if alike {
            text.to_owned()
        } else {
            with_ports(text, first, &dialled)
        }
    };
    paragraph(out, look, "", &for_all(&verdict.claim))?;
    let seen = if alike {
        "seen: ".to_owned()
    } else {
        format!("seen on {}: ", first.measurement.port_dialled())
    };
    for fact in &verdict.evidence {
        paragraph(out, look, &seen, fact)?;
    }
    if let Some(step) = &verdict.next_step {
        paragraph(out, look, "next: ", &for_all(step))?;
    }
    for of_one_server in by_server(group) {
        if let Some(logged) = in_logs(document, &of_one_server) {
            paragraph(out, look, "logs: ", &logged)?;
        }
    }
    let page = format!("fwprobe explain {}", verdict.id);
    paragraph(out, look, "more: ", &page)
}

/// Groups the probes of `group` by server and path.
fn by_server<'a>(group: &[&'a Probe]) -> Vec<Vec<&'a Probe>> {
    let mut all: Vec<Vec<&Probe>> = Vec::new();
    for probe in group {
        let same = |known: &&mut Vec<&Probe>| {
            let first = known.first();
            first.is_some_and(|p| p.measurement.same_server(&probe.measurement))
        };
        match all.iter_mut().find(same) {
            Some(known) => known.push(probe),
            None => all.push(vec![probe]),
        }
    }
    all
}

/// Returns the ports of `group` as dialled, each once.
fn dialled(group: &[&Probe]) -> Vec<u16> {
    let mut all: Vec<u16> = Vec::new();
    for port in group.iter().map(|p| p.measurement.port_dialled()) {
        if !all.contains(&port) {
            all.push(port);
        }
    }
    all
}

/// Returns `text`, which is about `probe`, with `ports` instead of the probe's own port.
fn with_ports(text: &str, probe: &Probe, ports: &[u16]) -> String {
    let m = &probe.measurement;
    let own = m.port_dialled();
    let listed: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let listed = listed.join(", ");
    let flags: Vec<String> = ports.iter().map(|port| format!("--port {port}")).collect();
    let mut text = replaced(text, &format!("--port {own}"), &flags.join(" "));
    text = replaced(&text, &format!("port {own}"), &format!("ports {listed}"));
    let mut hosts: Vec<String> = Vec::new();
    if let Some(address) = m.address {
        hosts.push(address.to_string());
    }
    if let Some(proxy) = &m.proxy {
        hosts.push(probe_core::path::authority(
            &proxy.host_asked,
            proxy.port_asked,
        ));
    }
    for target in hosts {
        let host = target
            .rsplit_once(':')
            .map_or(target.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        text = replaced(&text, &target, &format!("{host} (ports {listed})"));
    }
    text
}

/// Replaces each `old` in `text` by `new`, unless its number continues with more digits.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, found) = rest.split_at(at);
        let after = &found[old.len()..];
        result.push_str(before);
        let longer = after.starts_with(|c: char| c.is_ascii_digit());
        result.push_str(if longer { old } else { new });
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_replaced_as_a_whole_number_alone() {
        let text = "port 44 and port 443, 10.0.0.1:44 and 10.0.0.1:443";
        assert_eq!(
            replaced(text, "port 44", "ports 44, 80"),
            "ports 44, 80 and port 443, 10.0.0.1:44 and 10.0.0.1:443"
        );
        assert_eq!(
            replaced(text, "10.0.0.1:44", "10.0.0.1"),
            "port 44 and port 443, 10.0.0.1 and 10.0.0.1:443"
        );
    }
}
