//! Writes the result of a stage of a custom diagnostic test, as HPC Cluster Manager reads it: StepResult of
//! DiagnosticHelpers.xsd (learn.microsoft.com, ee795835 and following).

use std::io::{self, Write};

use head_node::answer::CheckStatus;
use probe_core::judge::Outcome;
use quick_xml::Writer;

use crate::explanation::expectation;
use crate::failed_run::FailedRun;
use crate::rows::{Mark, Report, Shortened, VerdictWords};
use crate::xml::{self, element};

/// Whether a result is about one node or about the whole test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Node,
    Summary,
}

pub(crate) fn write_node(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write(report, Scope::Node, out)
}

pub(crate) fn write_summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write(report, Scope::Summary, out)
}

pub(crate) fn write_node_failure(failure: &FailedRun<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_failure(failure, Scope::Node, out)
}

pub(crate) fn write_summary_failure(
    failure: &FailedRun<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_failure(failure, Scope::Summary, out)
}

fn write(report: &Report, scope: Scope, out: &mut dyn Write) -> io::Result<()> {
    let Shortened { report, left_out } = report.shortened();
    let report = &report;
    let mut writer = xml::document(&mut *out)?;
    let node = report.run.node.as_deref();
    root(&mut writer, scope, node).write_inner_content(|writer| {
        element(writer, "Result", result(report))?;
        element(writer, "Message", &message(report, left_out.as_deref()))?;
        tables(report, writer)?;
        bullets(report, writer)
    })?;
    writeln!(out)
}

/// Writes the result of a run that could not be carried out.
fn write_failure(failure: &FailedRun<'_>, scope: Scope, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = xml::document(&mut *out)?;
    root(&mut writer, scope, failure.node).write_inner_content(|writer| {
        element(writer, "Result", "Failure")?;
        let message = "fwprobe could not run: nothing is said about any port (exit code 2)";
        element(writer, "Message", message)?;
        element(writer, "ExceptionMessage", failure.why)
    })?;
    writeln!(out)
}

/// Returns `<StepResult>` with its attributes.
fn root<'w, W: Write>(
    writer: &'w mut Writer<W>,
    scope: Scope,
    node: Option<&str>,
) -> quick_xml::writer::ElementWriter<'w, W> {
    let name = match scope {
        Scope::Summary => "Summary".to_owned(),
        Scope::Node => node_name(node),
    };
    let root = writer
        .create_element("StepResult")
        .with_attribute(("NodeName", name.as_str()));
    match scope {
        Scope::Summary => root.with_attribute(("IsSummary", "true")),
        Scope::Node => root,
    }
}

fn node_name(node: Option<&str>) -> String {
    let name = node.unwrap_or_default();
    match xml::limited(name, MAX_NODE_NAME) {
        name if name.is_empty() => "unknown".to_owned(),
        name => name,
    }
}

/// Returns the result of the run. A conclusive fault is a failure; an undecided run is a warning, never a success.
fn result(report: &Report) -> &'static str {
    match report.summary.exit_code {
        0 if report.run.complete => "Success",
        1 => "Failure",
        _ => "Warning",
    }
}

fn message(report: &Report, left_out: Option<&str>) -> String {
    let s = &report.summary;
    let mut text = format!(
        "{}: {}. As expected: {}, not: {}, undecided: {}",
        report.run.what, s.headline, s.as_expected, s.not_as_expected, s.undecided
    );
    if let Some(left_out) = left_out {
        text.push_str(&format!(". {left_out}"));
    }
    text
}

fn tables<W: Write>(report: &Report, writer: &mut Writer<W>) -> io::Result<()> {
    let ports = report.ports.iter().map(|port| {
        vec![
            port.port.to_string(),
            port.session.to_owned(),
            port.address
                .map_or_else(|| port.host.clone(), |a| a.to_string()),
            port.path.clone(),
            port.expected.clone(),
            outcome(port.outcome).to_owned(),
            port.verdict.id.to_owned(),
            port.verdict.place.clone(),
            port.purpose.clone(),
        ]
    });
    let checks = report.checks.iter().map(|check| {
        vec![
            check.id.to_owned(),
            check.status.name().to_owned(),
            check.text.clone(),
        ]
    });
    let labels = report.run.labels.iter();
    let labels = labels.map(|label| vec![label.key.clone(), label.value.clone()]);
    writer.create_element("Tables").write_inner_content(|w| {
        let rows: Vec<_> = ports.collect();
        if !rows.is_empty() {
            table(w, "Ports", PORT_COLUMNS, &rows)?;
        }
        let rows: Vec<_> = checks.collect();
        if !rows.is_empty() {
            table(w, "Head node", CHECK_COLUMNS, &rows)?;
        }
        let rows: Vec<_> = labels.collect();
        if !rows.is_empty() {
            table(w, "Labels", LABEL_COLUMNS, &rows)?;
        }
        Ok(())
    })?;
    Ok(())
}

fn table<W: Write>(
    writer: &mut Writer<W>,
    name: &str,
    columns: &[&str],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let table = writer
        .create_element("Table")
        .with_attribute(("Name", name));
    table.write_inner_content(|w| {
        w.create_element("Columns")
            .write_inner_content(|w| columns.iter().try_for_each(|c| element(w, "Column", c)))?;
        w.create_element("Rows")
            .write_inner_content(|w| rows.iter().try_for_each(|cells| row(w, cells)))?;
        Ok(())
    })?;
    Ok(())
}

fn row<W: Write>(writer: &mut Writer<W>, cells: &[String]) -> io::Result<()> {
    writer.create_element("Row").write_inner_content(|w| {
        w.create_element("Items")
            .write_inner_content(|w| cells.iter().try_for_each(|c| element(w, "RowItem", c)))?;
        Ok(())
    })?;
    Ok(())
}

/// Writes one bullet for each failure, then everything else worth knowing.
fn bullets<W: Write>(report: &Report, writer: &mut Writer<W>) -> io::Result<()> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for port in &report.ports {
        let kind = match port.mark {
            Mark::Ok => continue,
            Mark::Fail => "Failure",
            Mark::Warned | Mark::Undecided => "Warning",
        };
        let id = port.verdict.id;
        let expected = expectation(&port.expected, port.contradiction);
        let text = explained(&port.verdict);
        let title = format!("{} {id} ({expected})", port.port_and_session());
        all.push((kind, format!("{title}: {text}")));
    }
    for check in &report.checks {
        let kind = match check.status {
            CheckStatus::Pass | CheckStatus::Skipped => continue,
            // Checks do not affect the exit code of a run.
            CheckStatus::Warn | CheckStatus::Fail => "Warning",
        };
        all.push((kind, format!("{}: {}", check.id, check.text)));
    }
    let notes = report.notes.iter();
    let noted = notes.map(|note| ("Information", format!("{}: {}", note.id, note.claim)));
    all.extend(noted);
    writer
        .create_element("BulletPoints")
        .write_inner_content(|w| {
            all.iter()
                .try_for_each(|(kind, text)| bullet(w, kind, text))
        })?;
    Ok(())
}

/// Returns the claim of a verdict, its next step and the traffic to look for, as sentences.
fn explained(verdict: &VerdictWords) -> String {
    let mut text = verdict.claim.clone();
    if let Some(next) = &verdict.next_step {
        text.push_str(&format!(". {}", capitalised(next)));
    }
    if let Some(logs) = &verdict.logs {
        text.push_str(&format!(". In logs: {logs}"));
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn bullet<W: Write>(writer: &mut Writer<W>, kind: &str, text: &str) -> io::Result<()> {
    writer
        .create_element("Information")
        .write_inner_content(|w| {
            element(w, "Type", kind)?;
            element(w, "Message", text.trim_end())
        })?;
    Ok(())
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AsExpected => "as expected",
        Outcome::NotAsExpected => "NOT as expected",
        Outcome::Undecided => "undecided",
    }
}

const PORT_COLUMNS: &[&str] = &[
    "Port", "Session", "Server", "Path", "Expected", "Outcome", "Verdict", "Where", "Purpose",
];
const CHECK_COLUMNS: &[&str] = &["Check", "Status", "Result"];
const LABEL_COLUMNS: &[&str] = &["Label", "Value"];

/// The schema's limit for the name of a node, in characters.
const MAX_NODE_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use probe_documents::RunDocument;

    use super::*;
    use crate::recorded;

    fn rendered(document: &RunDocument, scope: Scope) -> String {
        recorded::written(|out| write(&Report::of(document), scope, out))
    }

    #[test]
    fn the_demonstration_as_a_step_result() {
        insta::assert_snapshot!(rendered(&recorded::DEMO.read(), Scope::Node));
    }

    #[test]
    fn what_is_counted_is_named() {
        let text = rendered(&recorded::BOTH_FAMILIES.read(), Scope::Node);
        let counted =
            ": All 4 probes are as expected (2 ports, 2 server addresses). As expected: 4, ";
        assert!(text.contains(counted), "{text}");
    }

    #[test]
    fn a_failure_is_explained_in_whole_sentences() {
        let mut words = Report::of(&recorded::DROPPED.read()).ports[0]
            .verdict
            .clone();
        words.claim = "the port is dropped".to_owned();
        words.next_step = Some("ask the firewall team".to_owned());
        words.logs = Some("TCP to port 80".to_owned());
        assert_eq!(
            explained(&words),
            "the port is dropped. Ask the firewall team. In logs: TCP to port 80"
        );
        words.next_step = None;
        assert_eq!(
            explained(&words),
            "the port is dropped. In logs: TCP to port 80"
        );
        words.logs = None;
        assert_eq!(explained(&words), "the port is dropped");
        assert_eq!(capitalised("Über"), "Über");
        assert_eq!(capitalised(""), "");
    }

    #[test]
    fn a_summary_is_named_so() {
        let text = rendered(&recorded::DEMO.read(), Scope::Summary);
        assert!(text.contains("<StepResult NodeName=\"Summary\" IsSummary=\"true\">"));
    }

    #[test]
    fn an_interrupted_run_is_no_success() {
        let mut document = recorded::DEMO.read();
        document.summary.exit_code = 0;
        assert!(rendered(&document, Scope::Node).contains("<Result>Success</Result>"));
        document.run.complete = false;
        assert!(rendered(&document, Scope::Node).contains("<Result>Warning</Result>"));
    }

    #[test]
    fn labels_are_a_table_of_their_own() {
        let text = rendered(&recorded::with_labels(&["rack=12"]), Scope::Node);
        assert!(text.contains("<Table Name=\"Labels\">"), "{text}");
        assert!(text.contains("<RowItem>rack</RowItem>"), "{text}");
        let without = rendered(&recorded::DEMO.read(), Scope::Node);
        assert!(!without.contains("Labels"), "{without}");
    }

    #[test]
    fn a_name_of_any_length_fits_the_schema() {
        let mut document = recorded::DEMO.read();
        document.host.name = Some("n".repeat(100));
        assert!(rendered(&document, Scope::Node).contains(&format!("\"{}\"", "n".repeat(64))));
        document.host.name = None;
        assert!(rendered(&document, Scope::Node).contains("NodeName=\"unknown\""));
    }
}
