//! The run itself, the rules that it could not test, and its summary.

use std::collections::BTreeSet;

use probe_core::judge::Outcome;
use probe_core::observation::FailureKind;
use probe_core::plan::SkippedRule;
use probe_documents::RunDocument;
use serde::Serialize;

use super::port::{Mark, PortRow};
use super::shortened::listed;

/// The run's id, host and time.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RunRow {
    pub id: String,
    /// The profile's id, or the note that the ports were given by hand.
    pub what: String,
    pub profile: Option<String>,
    /// The servers as the user named them.
    pub hosts: Vec<String>,
    /// Start and end in UTC with whole seconds: `2026-11-30T05:34:00Z`.
    pub started: String,
    pub finished: String,
    /// The name of this node: the host's own, unless a label names the node.
    pub node: Option<String>,
    /// The labels in the order of their keys.
    pub labels: Vec<LabelRow>,
    pub user: Option<String>,
    pub system: Option<String>,
    /// The version of fwprobe.
    pub version: String,
    /// `false` if the run was interrupted.
    pub complete: bool,
    /// `true` if the run took no second looks.
    pub quick: bool,
    /// The commands that repeat the run.
    pub repeat: Vec<String>,
    /// The command that repeats the run after a change, and saves it beside this run.
    pub verify: String,
}

/// A label of the run.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LabelRow {
    pub key: String,
    pub value: String,
}

/// A rule that cannot be tested from here.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SkippedRow {
    pub rule: String,
    pub port: u16,
    pub purpose: String,
    pub because: String,
}

/// The run in figures and in one sentence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SummaryRow {
    pub probes: usize,
    pub as_expected: usize,
    pub not_as_expected: usize,
    pub undecided: usize,
    pub skipped: usize,
    pub exit_code: u8,
    /// The result in a few words.
    pub headline: String,
    /// The conclusion for people.
    pub sentence: String,
}

impl RunRow {
    pub(super) fn of(document: &RunDocument) -> Self {
        let (run, host) = (&document.run, &document.host);
        let profile = run.profile.as_ref().map(ToString::to_string);
        let by_hand = || "ports given by hand".to_owned();
        Self {
            id: run.id.clone(),
            what: profile.clone().unwrap_or_else(by_hand),
            profile,
            hosts: document.server.hosts.clone(),
            started: whole_seconds(&run.started),
            finished: whole_seconds(&run.finished),
            node: host.node().map(str::to_owned),
            labels: host.labels.iter().map(LabelRow::of).collect(),
            user: host.user.clone(),
            system: host.system.clone(),
            version: run.version.clone(),
            complete: run.complete,
            quick: run.quick,
            repeat: Vec::new(),
            verify: String::new(),
        }
    }

    /// Returns all labels in one line: `job=17, rack=12`. No value contains a semicolon.
    pub(crate) fn labels_in_line(&self, separator: &str) -> String {
        let labels = self.labels.iter();
        let labels: Vec<String> = labels
            .map(|label| format!("{}={}", label.key, label.value))
            .collect();
        labels.join(separator)
    }
}

impl LabelRow {
    fn of((key, value): (&str, &str)) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }
}

impl SkippedRow {
    pub(super) fn of(rule: &SkippedRule) -> Self {
        Self {
            rule: rule.id.to_string(),
            port: rule.port.get(),
            purpose: rule.purpose.clone(),
            because: rule.because.to_string(),
        }
    }
}

impl SummaryRow {
    pub(super) fn of(document: &RunDocument, ports: &[PortRow]) -> Self {
        let summary = &document.summary;
        Self {
            probes: summary.probes,
            as_expected: summary.as_expected,
            not_as_expected: summary.not_as_expected,
            undecided: summary.undecided,
            skipped: summary.skipped,
            exit_code: summary.exit_code,
            headline: headline(document),
            sentence: sentence(document, ports),
        }
    }
}

fn headline(document: &RunDocument) -> String {
    let s = &document.summary;
    let (unit, extent) = extent(document);
    let all = match s.probes {
        1 => format!("1 {unit}"),
        probes => format!("{probes} {unit}s"),
    };
    let is_or_are = |count: usize| if count == 1 { "is" } else { "are" };
    let text = match (s.not_as_expected, s.undecided) {
        (0, 0) if s.probes == 1 => format!("The {unit} is as expected"),
        (0, 0) => format!("All {all} are as expected"),
        (0, undecided) => format!("{undecided} of {all} {} undecided", is_or_are(undecided)),
        (not, _) => format!("{not} of {all} {} not as expected", is_or_are(not)),
    };
    if document.run.complete {
        format!("{text}{extent}")
    } else {
        format!("Interrupted: {}{extent}", text.to_lowercase())
    }
}

/// Returns the word for what a run counts: ports, or probes if a port has several. For probes it also returns, in
/// parentheses, the numbers of ports, paths and server addresses.
fn extent(document: &RunDocument) -> (&'static str, String) {
    let measurements = || document.probes.iter().map(|p| &p.measurement);
    let ports: BTreeSet<u16> = measurements().map(|m| m.rule.port.get()).collect();
    if ports.len() == document.probes.len() {
        return ("port", String::new());
    }
    let paths: BTreeSet<String> = measurements().map(|m| m.path.to_string()).collect();
    let servers = measurements().map(|m| (m.host.as_str(), m.server()));
    let servers: BTreeSet<_> = servers.collect();
    let parts: Vec<String> = [
        ("port", ports.len()),
        ("path", paths.len()),
        ("server address", servers.len()),
    ]
    .into_iter()
    .filter(|(name, count)| *name == "port" || *count > 1)
    .map(|(name, count)| match (name, count) {
        (_, 1) => format!("1 {name}"),
        ("server address", _) => format!("{count} server addresses"),
        _ => format!("{count} {name}s"),
    })
    .collect();
    ("probe", format!(" ({})", parts.join(", ")))
}

fn sentence(document: &RunDocument, ports: &[PortRow]) -> String {
    let s = &document.summary;
    let open = !ports.iter().any(PortRow::expects_blocked);
    let expected = if open { " (open)" } else { "" };
    let mut text = format!("{} of {} as expected{expected}", s.as_expected, s.probes);
    let warned = |p: &PortRow| p.mark == Mark::Warned;
    if ports.iter().any(warned) {
        text.push_str(&format!(", but {}", by_verdict(ports, warned)));
    }
    if s.not_as_expected > 0 {
        let which = by_verdict(ports, |p| p.outcome == Outcome::NotAsExpected);
        text.push_str(&format!(", {} not: {which}", s.not_as_expected));
    }
    if s.undecided > 0 {
        let which = by_verdict(ports, |p| p.outcome == Outcome::Undecided);
        text.push_str(&format!(", {} undecided: {which}", s.undecided));
    }
    if s.skipped > 0 {
        text.push_str(&format!(", {} not tested from here", s.skipped));
    }
    if document.run.complete && has_abandoned_reference(document) {
        text.push_str(
            "; the control port gave no answer; no verdict depends on it, so the run did not wait \
             longer",
        );
    }
    if document.run.quick {
        text.push_str(
            "; a quick run: it took no second looks, so no verdict is of high confidence",
        );
    }
    if !document.run.complete {
        text.push_str("; INCOMPLETE: the run was interrupted");
    }
    text
}

/// Lists the ports of the rows that `include` accepts by verdict: `dropped 443, 5901; rejected 80`.
fn by_verdict(ports: &[PortRow], include: impl Fn(&PortRow) -> bool) -> String {
    let mut found: Vec<(&str, Vec<String>)> = Vec::new();
    for row in ports.iter().filter(|p| include(p)) {
        let port = row.port.to_string();
        match found.iter_mut().find(|(id, _)| *id == row.verdict.id) {
            Some((_, ports)) if ports.contains(&port) => {}
            Some((_, ports)) => ports.push(port),
            None => found.push((row.verdict.id, vec![port])),
        }
    }
    let texts: Vec<String> = found
        .iter()
        .map(|(id, ports)| format!("{id} {}", listed(ports, ", ")))
        .collect();
    texts.join("; ")
}

/// Returns whether a reference probe was ended early.
fn has_abandoned_reference(document: &RunDocument) -> bool {
    document.reference_probes.iter().any(|m| {
        let failure = m.failure();
        failure.is_some_and(|(_, failure)| failure.kind == FailureKind::Interrupted)
    })
}

/// Returns a time in RFC 3339 without its fractions of a second.
pub(crate) fn whole_seconds(time: &str) -> String {
    let seconds = time.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    #[test]
    fn a_label_may_name_the_node() {
        let row = RunRow::of(&recorded::DROPPED.read());
        assert_eq!(row.node.as_deref(), Some("headnode"));
        assert_eq!(
            (row.labels.len(), row.labels_in_line(", ")),
            (0, String::new())
        );
        let row = RunRow::of(&recorded::with_labels(&["rack=12", "node=n042"]));
        assert_eq!(row.node.as_deref(), Some("n042"));
        assert_eq!(row.labels_in_line(", "), "node=n042, rack=12");
    }

    #[test]
    fn a_quick_run_says_so() {
        let mut run = recorded::DROPPED.read();
        assert!(!sentence(&run, &[]).contains("quick"));
        run.run.quick = true;
        let run = probe_documents::judge_again(run);
        let report = super::super::Report::of(&run);
        assert!(report.summary.sentence.contains("; a quick run: "));
        assert!(
            report.run.repeat[0].contains(" --quick "),
            "{:?}",
            report.run
        );
        for port in &report.ports {
            let verdict = &port.verdict;
            assert_ne!(verdict.confidence, "high", "{}", verdict.claim);
            let open = verdict.evidence.iter().any(|fact| fact.contains("--quick"));
            assert!(open, "{:?}", verdict.evidence);
        }
    }

    #[test]
    fn the_headline_counts_ports_only_where_each_has_one_probe() {
        for (run, expected) in [
            (recorded::DROPPED, "1 of 2 ports is not as expected"),
            (
                recorded::THROUGH_PROXIES,
                "3 of 8 probes are not as expected (2 ports, 4 paths)",
            ),
            (
                recorded::BOTH_FAMILIES,
                "All 4 probes are as expected (2 ports, 2 server addresses)",
            ),
        ] {
            assert_eq!(headline(&run.read()), expected, "{}", run.name);
        }
    }
}
