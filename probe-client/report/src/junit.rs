//! Writes JUnit XML for pipelines: one suite per path, one test case per port. GitLab, Azure Pipelines, Jenkins and
//! GitHub's reporters each show only some of its fields, so the explanation is in several of them.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use head_node::answer::CheckStatus;
use probe_core::excerpt::printable;
use probe_core::judge::Outcome;
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use crate::explanation::explanation;
use crate::failed_run::FailedRun;
use crate::rows::{CheckRow, Mark, PortRow, Report, SkippedRow};
use crate::xml;

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let run = &report.run;
    let mut all = quick_junit::Report::new(text(&format!("fwprobe {}", run.what)));
    all.timestamp = run.started.parse().ok();
    let server = |port: &PortRow| (port.host.clone(), port.address);
    let servers: BTreeSet<_> = report.ports.iter().map(server).collect();
    for path in &report.paths {
        let ports = report.ports.iter().filter(|p| p.path == path.path);
        let cases = ports
            .clone()
            .map(|port| port_case(report, port, servers.len() > 1));
        let mut suite = suite(report, &path.path, cases.collect());
        suite.time = span(ports);
        all.add_test_suite(suite);
    }
    if !report.skipped.is_empty() {
        let cases = report.skipped.iter().map(|rule| skipped_case(report, rule));
        all.add_test_suite(suite(report, "not tested from here", cases.collect()));
    }
    if !report.checks.is_empty() {
        let cases = report.checks.iter().map(check_case);
        all.add_test_suite(suite(report, "head node", cases.collect()));
    }
    if !run.complete {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        explain(&mut status, "interrupted", INTERRUPTED, INTERRUPTED);
        let case = case("the run is complete", "fwprobe.run", status);
        all.add_test_suite(suite(report, "run", vec![case]));
    }
    finish(&all, out)
}

/// Writes one error, for a run that could not be carried out.
pub(crate) fn write_failure(failure: &FailedRun<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let message = "fwprobe could not run: nothing is said about any port (exit code 2)";
    explain(&mut status, "usage", message, failure.why);
    let mut suite = TestSuite::new("run");
    suite.add_test_case(case("the run is possible", "fwprobe.run", status));
    let mut all = quick_junit::Report::new("fwprobe");
    all.add_test_suite(suite);
    finish(&all, out)
}

pub(crate) fn finish(report: &quick_junit::Report, out: &mut dyn Write) -> io::Result<()> {
    report.serialize(out).map_err(io::Error::other)
}

fn suite(report: &Report, name: &str, cases: Vec<TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(text(name));
    suite.timestamp = report.run.started.parse().ok();
    if let Some(node) = &report.run.node {
        suite.extra.insert("hostname".into(), text(node).into());
    }
    for label in &report.run.labels {
        suite.add_property(property(&format!("label.{}", label.key), &label.value));
    }
    suite.add_test_cases(cases);
    suite
}

/// Returns the time from the first packet for one of `ports` to the last. The ports are tested at the same time.
fn span<'a>(ports: impl Iterator<Item = &'a PortRow> + Clone) -> Option<Duration> {
    let first = ports.clone().map(|p| p.timings.started_us).min()?;
    let last = ports.map(|p| p.timings.started_us.saturating_add(p.time_us));
    Some(Duration::from_micros(last.max()?.saturating_sub(first)))
}

fn port_case(report: &Report, port: &PortRow, several_servers: bool) -> TestCase {
    let full = explanation(port);
    let kind = match port.outcome {
        Outcome::AsExpected => None,
        Outcome::NotAsExpected => Some(NonSuccessKind::Failure),
        Outcome::Undecided => Some(NonSuccessKind::Error),
    };
    let status = match kind {
        None => TestCaseStatus::success(),
        Some(kind) => {
            let mut status = TestCaseStatus::non_success(kind);
            let message = match port.contradiction {
                Some(contradiction) => format!("{contradiction}: {}", port.verdict.claim),
                None => port.verdict.claim.clone(),
            };
            explain(&mut status, port.verdict.id, &message, &full);
            status
        }
    };
    let class = format!(
        "fwprobe.{}.{}",
        package(&report.run.what),
        package(&port.path)
    );
    let mut case = case(&name(port, several_servers), &class, status);
    case.set_time(Duration::from_micros(port.time_us));
    case.add_property(property("expected", &port.expected));
    if port.mark != Mark::Ok || !port.findings.is_empty() {
        case.set_system_out(text(&full));
    }
    if port.mark == Mark::Warned {
        case.add_property(property("verdict", port.verdict.id));
    }
    for finding in &port.findings {
        case.add_property(property(finding.id, &finding.claim));
    }
    case
}

/// Returns a name that no other test case has: GitLab keeps only the first of several with the same name.
fn name(port: &PortRow, several_servers: bool) -> String {
    let mut name = format!("{} {}", port.port_and_session(), port.rule);
    if several_servers {
        name.push_str(&format!(" on {}", port.host));
        if let Some(address) = port.address.filter(|a| a.to_string() != port.host) {
            name.push_str(&format!(" [{address}]"));
        }
    }
    if let Some(silence) = port.silence {
        name.push_str(&format!(" silent for {} s", silence.seconds));
        if let Some(every) = silence.keep_alive_seconds {
            name.push_str(&format!(", keep-alive every {every} s"));
        }
    }
    if port.path != "direct" {
        name.push_str(&format!(" through {}", port.path));
    }
    name
}

fn skipped_case(report: &Report, rule: &SkippedRow) -> TestCase {
    let mut status = TestCaseStatus::skipped();
    status.set_message(text(&rule.because));
    status.set_description(text(&format!("{}: {}", rule.purpose, rule.because)));
    let class = format!("fwprobe.{}.skipped", package(&report.run.what));
    case(&format!("{} {}", rule.port, rule.rule), &class, status)
}

fn check_case(check: &CheckRow) -> TestCase {
    let mut full = check.text.clone();
    if let Some(caveat) = check.caveat {
        full.push_str(&format!(" ({caveat})"));
    }
    if let Some(step) = &check.next_step {
        full.push_str(&format!("\nnext: {step}"));
    }
    let status = match check.status {
        CheckStatus::Pass | CheckStatus::Warn => TestCaseStatus::success(),
        CheckStatus::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            explain(&mut status, check.id, &check.text, &full);
            status
        }
        CheckStatus::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(text(&check.text));
            status.set_description(text(&check.text));
            status
        }
    };
    let name = match &check.about {
        None => check.id.to_owned(),
        Some(file) => format!("{} {file}", check.id),
    };
    let mut case = case(&name, "fwprobe.head-node", status);
    if matches!(check.status, CheckStatus::Warn | CheckStatus::Fail) {
        case.set_system_out(text(&full));
    }
    if check.status == CheckStatus::Warn {
        case.add_property(property("status", "warn"));
    }
    case
}

pub(crate) fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(text(name), status);
    case.set_classname(text(class));
    case
}

pub(crate) fn explain(status: &mut TestCaseStatus, kind: &str, message: &str, full: &str) {
    status.set_type(text(kind));
    status.set_message(text(message));
    status.set_description(text(full));
}

fn property(name: &str, value: &str) -> Property {
    Property::new(text(name), text(value))
}

/// Returns a part of a class name. Readers split class names at dots.
fn package(part: &str) -> String {
    let words = part.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

/// Returns text that is valid in XML and harmless on a terminal.
pub(crate) fn text(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    xml::valid(&lines.join("\n"))
}

const INTERRUPTED: &str = "the run was interrupted: ports may be missing or undecided";

#[cfg(test)]
mod tests {
    use probe_documents::RunDocument;

    use super::*;
    use crate::recorded;

    fn rendered(document: &RunDocument) -> String {
        recorded::written(|out| write(&Report::of(document), out))
    }

    #[test]
    fn several_paths_are_several_suites() {
        insta::assert_snapshot!(rendered(&recorded::THROUGH_PROXIES.read()));
    }

    #[test]
    fn every_recorded_run_is_read_back_with_its_counts() {
        for run in recorded::ALL {
            let document = run.read();
            let read = quick_junit::Report::deserialize_from_str(&rendered(&document)).unwrap();
            let of_ports = |suite: &&TestSuite| {
                document
                    .probes
                    .iter()
                    .any(|p| *suite.name == *p.measurement.path.to_string())
            };
            let suites = || read.test_suites.iter().filter(of_ports);
            let summary = &document.summary;
            assert_eq!(
                suites().map(|s| s.tests).sum::<usize>(),
                summary.probes,
                "{}",
                run.name
            );
            assert_eq!(
                suites().map(|s| s.failures).sum::<usize>(),
                summary.not_as_expected,
                "{}",
                run.name
            );
            assert_eq!(
                suites().map(|s| s.errors).sum::<usize>(),
                summary.undecided,
                "{}",
                run.name
            );
        }
    }

    #[test]
    fn a_suite_takes_the_time_of_the_run_and_not_of_all_ports_together() {
        let document = recorded::DROPPED.read();
        let read = quick_junit::Report::deserialize_from_str(&rendered(&document)).unwrap();
        let [suite] = read.test_suites.as_slice() else {
            panic!("{read:?}");
        };
        let of_cases = || suite.test_cases.iter().filter_map(|case| case.time);
        let (longest, together) = (of_cases().max().unwrap(), of_cases().sum::<Duration>());
        let time = suite.time.unwrap();
        assert!(
            longest <= time && time < together,
            "{longest:?} {time:?} {together:?}"
        );
    }

    #[test]
    fn no_two_test_cases_share_a_name() {
        for run in recorded::ALL {
            let read = quick_junit::Report::deserialize_from_str(&rendered(&run.read())).unwrap();
            let mut names = BTreeSet::new();
            for case in read.test_suites.iter().flat_map(|s| &s.test_cases) {
                assert!(
                    names.insert(case.name.as_str()),
                    "{}: {}",
                    run.name,
                    case.name.as_str()
                );
            }
        }
    }

    #[test]
    fn every_suite_has_the_labels() {
        let text = rendered(&recorded::with_labels(&["rack=12", "node=n042"]));
        let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
        assert!(!read.test_suites.is_empty());
        for suite in &read.test_suites {
            let properties = suite.properties.iter();
            let properties: Vec<(&str, &str)> = properties
                .map(|p| (p.name.as_str(), p.value.as_str()))
                .collect();
            assert_eq!(properties, [("label.node", "n042"), ("label.rack", "12")]);
        }
        assert!(text.contains("hostname=\"n042\""), "{text}");
    }

    #[test]
    fn an_interrupted_run_is_an_error() {
        let mut document = recorded::DEMO.read();
        let errors = |text: &str| {
            quick_junit::Report::deserialize_from_str(text)
                .unwrap()
                .errors
        };
        let before = errors(&rendered(&document));
        document.run.complete = false;
        assert_eq!(errors(&rendered(&document)), before + 1);
    }

    #[test]
    fn a_run_that_was_not_possible_is_an_error() {
        let mut out = Vec::new();
        let failure = FailedRun {
            node: None,
            why: "no file echo.txt",
        };
        write_failure(&failure, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
        assert_eq!((read.tests, read.errors), (1, 1));
        assert!(text.contains("no file echo.txt"), "{text}");
    }

    #[test]
    fn a_class_has_no_dot_of_its_own() {
        assert_eq!(
            package("http://proxy.example:3128"),
            "http-proxy-example-3128"
        );
    }
}
