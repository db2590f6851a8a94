//! Writes the result of a stage of a custom diagnostic test, as HPC Cluster Manager reads it: StepResult of
//! DiagnosticHelpers.xsd (learn.microsoft.com, ee795835 and following).

use std::io::{self, Write};

use probe_core::check::CheckStatus;
use probe_core::document::{Outcome, RunDocument};
use probe_core::traffic::in_logs;
use quick_xml::Writer;

use crate::xml::{self, element};

/// Whether a result is about one node or about the whole test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Node,
    Summary,
}

pub(super) fn write(document: &RunDocument, scope: Scope, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = xml::document(&mut *out)?;
    let host = document.host.name.as_deref();
    root(&mut writer, scope, host).write_inner_content(|writer| {
        element(writer, "Result", result(document))?;
        element(writer, "Message", &message(document))?;
        tables(document, writer)?;
        bullets(document, writer)
    })?;
    writeln!(out)
}

/// Writes the result of a run that could not be carried out.
pub(super) fn write_failure(scope: Scope, why: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = xml::document(&mut *out)?;
    let host = crate::host::describe(&[]).name;
    root(&mut writer, scope, host.as_deref()).write_inner_content(|writer| {
        element(writer, "Result", "Failure")?;
        let message = "fwprobe could not run: nothing is said about any port (exit code 2)";
        element(writer, "Message", message)?;
        element(writer, "ExceptionMessage", why)
    })?;
    writeln!(out)
}

/// Returns `<StepResult>` with its attributes.
fn root<'w, W: Write>(
    writer: &'w mut Writer<W>,
    scope: Scope,
    host: Option<&str>,
) -> quick_xml::writer::ElementWriter<'w, W> {
    let name = match scope {
        Scope::Summary => "Summary".to_owned(),
        Scope::Node => node_name(host),
    };
    let root = writer
        .create_element("StepResult")
        .with_attribute(("NodeName", name.as_str()));
    match scope {
        Scope::Summary => root.with_attribute(("IsSummary", "true")),
        Scope::Node => root,
    }
}

fn node_name(host: Option<&str>) -> String {
    let name = host.unwrap_or_default();
    match xml::limited(name, MAX_NODE_NAME) {
        name if name.is_empty() => "unknown".to_owned(),
        name => name,
    }
}

/// Returns the result of the run. A conclusive fault is a failure; an undecided run is a warning, never a success.
fn result(document: &RunDocument) -> &'static str {
    match document.summary.exit_code {
        0 if document.run.complete => "Success",
        1 => "Failure",
        _ => "Warning",
    }
}

fn message(document: &RunDocument) -> String {
    let s = &document.summary;
    let what = document
        .run
        .profile
        .as_ref()
        .map_or_else(|| "ports given by hand".to_owned(), ToString::to_string);
    let mut text = format!(
        "{what}: {} of {} rules as expected, {} not, {} undecided",
        s.as_expected, s.probes, s.not_as_expected, s.undecided
    );
    if !document.run.complete {
        text.push_str("; the run was interrupted");
    }
    text
}

fn tables<W: Write>(document: &RunDocument, writer: &mut Writer<W>) -> io::Result<()> {
    let ports = document.probes.iter().map(|probe| {
        let m = &probe.measurement;
        vec![
            m.rule.port.to_string(),
            m.rule.session.to_string(),
            m.server().map_or_else(|| m.host.clone(), |a| a.to_string()),
            m.path.to_string(),
            outcome(probe.outcome).to_owned(),
            probe.verdict.id.to_string(),
            probe.verdict.segment.to_string(),
            m.rule.purpose.clone(),
        ]
    });
    let checks = document.checks.iter().map(|check| {
        vec![
            check.id.to_string(),
            check.status.name().to_owned(),
            check.text.clone(),
        ]
    });
    writer.create_element("Tables").write_inner_content(|w| {
        let rows: Vec<_> = ports.collect();
        if !rows.is_empty() {
            table(w, "Ports", PORT_COLUMNS, &rows)?;
        }
        let rows: Vec<_> = checks.collect();
        if !rows.is_empty() {
            table(w, "Head node", CHECK_COLUMNS, &rows)?;
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
fn bullets<W: Write>(document: &RunDocument, writer: &mut Writer<W>) -> io::Result<()> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for probe in &document.probes {
        let (m, v) = (&probe.measurement, &probe.verdict);
        let kind = match probe.outcome {
            Outcome::AsExpected if !probe.needs_a_word() => continue,
            Outcome::AsExpected => "Warning",
            Outcome::NotAsExpected => "Failure",
            Outcome::Undecided => "Warning",
        };
        let next = v.next_step.as_deref().unwrap_or_default();
        let logged = in_logs(document, &[probe]);
        let logged = logged.map_or_else(String::new, |l| format!(". In logs: {l}"));
        all.push((
            kind,
            format!(
                "{}/{} {}: {}. {next}{logged}",
                m.rule.port, m.rule.session, v.id, v.claim
            ),
        ));
    }
    for check in &document.checks {
        let kind = match check.status {
            CheckStatus::Pass | CheckStatus::Skipped => continue,
            // Checks do not affect the exit code of a run.
            CheckStatus::Warn | CheckStatus::Fail => "Warning",
        };
        all.push((kind, format!("{}: {}", check.id, check.text)));
    }
    let mut noted: Vec<String> = Vec::new();
    for finding in document.probes.iter().flat_map(|p| &p.findings) {
        let text = format!("{}: {}", finding.id, finding.claim);
        if !noted.contains(&text) {
            noted.push(text);
        }
    }
    all.extend(noted.into_iter().map(|text| ("Information", text)));
    writer
        .create_element("BulletPoints")
        .write_inner_content(|w| {
            all.iter()
                .try_for_each(|(kind, text)| bullet(w, kind, text))
        })?;
    Ok(())
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
    "Port", "Session", "Server", "Path", "Outcome", "Verdict", "Where", "Purpose",
];
const CHECK_COLUMNS: &[&str] = &["Check", "Status", "Result"];

/// The schema's limit, in characters.
const MAX_NODE_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(document: &RunDocument, scope: Scope) -> String {
        let mut out = Vec::new();
        write(document, scope, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn demo() -> RunDocument {
        let text = include_str!("../../core/tests/scenarios/demo.json");
        let document: RunDocument = serde_json::from_str(text).unwrap();
        probe_core::judge::judge_again(document)
    }

    #[test]
    fn the_demonstration_as_a_step_result() {
        insta::assert_snapshot!(rendered(&demo(), Scope::Node));
    }

    #[test]
    fn a_summary_is_named_so() {
        let text = rendered(&demo(), Scope::Summary);
        assert!(text.contains("<StepResult NodeName=\"Summary\" IsSummary=\"true\">"));
    }

    #[test]
    fn an_interrupted_run_is_no_success() {
        let mut document = demo();
        document.summary.exit_code = 0;
        assert!(rendered(&document, Scope::Node).contains("<Result>Success</Result>"));
        document.run.complete = false;
        assert!(rendered(&document, Scope::Node).contains("<Result>Warning</Result>"));
    }

    #[test]
    fn a_name_of_any_length_fits_the_schema() {
        let mut document = demo();
        document.host.name = Some("n".repeat(100));
        assert!(rendered(&document, Scope::Node).contains(&format!("\"{}\"", "n".repeat(64))));
        document.host.name = None;
        assert!(rendered(&document, Scope::Node).contains("NodeName=\"unknown\""));
    }
}
