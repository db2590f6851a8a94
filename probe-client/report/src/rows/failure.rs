//! One row per verdict that needs an explanation. Verdicts that differ only in the port are one row.

use probe_core::catalogue::VerdictId;
use probe_core::judge::Fulfilment;
use probe_core::judge::Outcome;
use probe_core::profile::Expectation;
use probe_core::verdict::Confidence;
use probe_documents::traffic::{in_logs, was_sent};
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::port::Mark;
use super::shortened::listed;
use super::way::WayRow;

/// A verdict that is not simply as expected, with its evidence and the next step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailureRow {
    pub mark: Mark,
    /// The verdict's id.
    pub verdict: &'static str,
    /// The verdict's headline.
    pub title: &'static str,
    /// The expectation of the ports' rules: `open` or `blocked`.
    pub expected: String,
    /// The contradiction between result and expectation in words, if the verdict itself does not say so.
    pub contradiction: Option<&'static str>,
    /// The lowest confidence of the ports in words; `None` if it is high, or if nothing is decided.
    pub doubt: Option<&'static str>,
    /// Every port with its session kind: `443/https, 5901/nettcp`.
    pub ports: String,
    pub claim: String,
    pub evidence: Vec<String>,
    /// The port from which the evidence is quoted, if the claims of the ports differ in more than the port's number.
    pub seen_on: Option<u16>,
    pub next_step: Option<String>,
    /// The traffic to look for in the logs of devices on the path, for each server and path.
    pub logs: Vec<String>,
    /// The indices of these ports in [`Report::ports`](super::Report::ports).
    pub rows: Vec<usize>,
    /// The path of the first port, as a drawing shows it.
    pub way: WayRow,
}

/// Returns one row for each group of probes with the same expectation, verdict and claim.
pub(super) fn rows(document: &RunDocument) -> Vec<FailureRow> {
    let mut groups: Vec<(Key, Vec<usize>)> = Vec::new();
    for (index, probe) in document.probes.iter().enumerate() {
        if !probe.needs_a_word() {
            continue;
        }
        let key = Key::of(probe);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(index),
            None => groups.push((key, vec![index])),
        }
    }
    let row = |(_, group): (Key, Vec<usize>)| FailureRow::of(document, group);
    groups.into_iter().filter_map(row).collect()
}

/// Returns the traffic of all verdicts that need an explanation, for each server and path.
pub(super) fn logs(document: &RunDocument) -> Vec<String> {
    let failed = document.probes.iter();
    let failed = failed.filter(|probe| probe.needs_a_word() && was_sent(probe));
    by_server(&failed.collect::<Vec<_>>())
        .iter()
        .filter_map(|of_one_server| in_logs(document, of_one_server))
        .collect()
}

/// The texts by which probes are grouped, without the probe's port.
#[derive(PartialEq)]
struct Key {
    id: VerdictId,
    expected: Expectation,
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
            expected: probe.measurement.rule.expect,
            outcome: probe.outcome,
            claim: any(&verdict.claim),
            next_step: verdict.next_step.as_ref().map(any),
        }
    }
}

impl FailureRow {
    /// Returns the row of a group; `None` if the group is empty.
    fn of(document: &RunDocument, rows: Vec<usize>) -> Option<Self> {
        let group: Vec<&Probe> = rows.iter().map(|i| &document.probes[*i]).collect();
        let first = *group.first()?;
        let (mark, verdict) = (Mark::of(first), &first.verdict);
        let lowest = group.iter().map(|p| p.verdict.confidence).min()?;
        let dialled = dialled(&group);
        let alike = dialled.len() < 2 || group.iter().all(|p| p.verdict.claim == verdict.claim);
        let for_all = |text: &String| {
            if alike {
                text.clone()
            } else {
                with_ports(text, first, &dialled)
            }
        };
        Some(Self {
            mark,
            verdict: verdict.id.name(),
            title: verdict.id.entry().title,
            expected: first.measurement.rule.expect.to_string(),
            contradiction: Fulfilment::of(verdict.id, first.measurement.rule.expect)
                .contradiction(),
            doubt: doubt(mark, lowest),
            ports: ports(group.iter().copied()),
            claim: for_all(&verdict.claim),
            evidence: verdict.evidence.clone(),
            seen_on: (!alike).then(|| first.measurement.port_dialled()),
            next_step: verdict.next_step.as_ref().map(for_all),
            logs: by_server(&group)
                .iter()
                .filter_map(|of_one_server| in_logs(document, of_one_server))
                .collect(),
            way: WayRow::of(document, first),
            rows,
        })
    }
}

/// Returns what a headline says about the confidence of a verdict.
const fn doubt(mark: Mark, confidence: Confidence) -> Option<&'static str> {
    match (mark, confidence) {
        (Mark::Undecided, _) | (_, Confidence::High) => None,
        (Mark::Ok | Mark::Warned | Mark::Fail, Confidence::Medium) => Some("confidence medium"),
        (Mark::Ok | Mark::Warned | Mark::Fail, Confidence::Low) => Some("confidence low"),
    }
}

/// Returns the ports with their session kinds, without repetitions.
pub(super) fn ports<'a>(probes: impl Iterator<Item = &'a Probe>) -> String {
    let mut ports: Vec<String> = Vec::new();
    for probe in probes {
        let rule = &probe.measurement.rule;
        let port = format!("{}/{}", rule.port, rule.session);
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    listed(&ports, ", ")
}

/// Groups the probes of `group` by server and path.
pub(super) fn by_server<'a>(group: &[&'a Probe]) -> Vec<Vec<&'a Probe>> {
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

/// Returns the dialled ports of `group`, without repetitions.
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
    let numbers: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let numbers = listed(&numbers, ", ");
    let flags: Vec<String> = ports.iter().map(|port| format!("--port {port}")).collect();
    let mut text = replaced(text, &format!("--port {own}"), &listed(&flags, " "));
    text = replaced(&text, &format!("port {own}"), &format!("ports {numbers}"));
    if ports.len() > 1 {
        text = text.replace("for this port alone", "for these ports alone");
        text = text.replace("on this port proves", "on these ports proves");
    }
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
        text = replaced(&text, &target, &format!("{host} (ports {numbers})"));
    }
    text
}

/// Replaces each `old` in `text` by `new`, unless its number continues with more digits, or it is part of a flag.
pub(super) fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, found) = rest.split_at(at);
        let after = &found[old.len()..];
        let other = after.starts_with(|c: char| c.is_ascii_digit()) || before.ends_with('-');
        result.push_str(before);
        result.push_str(if other { old } else { new });
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_names_the_confidence_unless_it_is_high_or_nothing_is_decided() {
        for (mark, confidence, expected) in [
            (Mark::Fail, Confidence::High, None),
            (Mark::Fail, Confidence::Medium, Some("confidence medium")),
            (Mark::Fail, Confidence::Low, Some("confidence low")),
            (Mark::Warned, Confidence::Medium, Some("confidence medium")),
            (Mark::Undecided, Confidence::Low, None),
        ] {
            assert_eq!(doubt(mark, confidence), expected, "{mark:?} {confidence:?}");
        }
    }

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
        let flags = "ports 44 and 80 alone (--port 44 --port 80)";
        assert_eq!(replaced(flags, "port 44", "ports 44, 80"), flags);
    }
}
