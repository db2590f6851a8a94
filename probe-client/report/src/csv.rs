//! Writes CSV (RFC 4180) for spreadsheets: one row per rule, path and address. Column names are stable.

use std::io::{self, Write};

use probe_core::excerpt::printable;
use probe_core::judge::Outcome;

use crate::rows::{PortRow, Report, SkippedRow};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(COLUMNS.iter().map(|column| column.name))?;
    let rows = report.ports.iter().map(Row::Port);
    for row in rows.chain(report.skipped.iter().map(Row::Skipped)) {
        let cells = COLUMNS
            .iter()
            .map(|column| harmless(&(column.cell)(report, row)));
        writer.write_record(cells)?;
    }
    writer.flush()
}

#[derive(Clone, Copy)]
enum Row<'a> {
    Port(&'a PortRow),
    Skipped(&'a SkippedRow),
}

struct Column {
    name: &'static str,
    cell: fn(&Report, Row<'_>) -> String,
}

/// Makes a column about the run itself, with the same value in all rows.
macro_rules! of_run {
    ($name:literal, $cell:expr) => {
        Column {
            name: $name,
            cell: |report, _| {
                let cell: fn(&Report) -> String = $cell;
                cell(report)
            },
        }
    };
}

/// Makes a column that is empty for rules that were not tested.
macro_rules! of_port {
    ($name:literal, $cell:expr) => {
        Column {
            name: $name,
            cell: |_, row| match row {
                Row::Port(port) => {
                    let cell: fn(&PortRow) -> String = $cell;
                    cell(port)
                }
                Row::Skipped(_) => String::new(),
            },
        }
    };
}

/// Makes a column that has a value in every row.
macro_rules! of_row {
    ($name:literal, $port:expr, $skipped:expr) => {
        Column {
            name: $name,
            cell: |_, row| match row {
                Row::Port(port) => {
                    let cell: fn(&PortRow) -> String = $port;
                    cell(port)
                }
                Row::Skipped(rule) => {
                    let cell: fn(&SkippedRow) -> String = $skipped;
                    cell(rule)
                }
            },
        }
    };
}

const COLUMNS: &[Column] = &[
    of_run!("run", |r| r.run.id.clone()),
    of_run!("started", |r| r.run.started.clone()),
    of_run!("node", |r| or_empty(r.run.node.as_ref())),
    of_run!("profile", |r| or_empty(r.run.profile.as_ref())),
    of_row!("rule", |p| p.rule.clone(), |s| s.rule.clone()),
    of_row!("port", |p| p.port.to_string(), |s| s.port.to_string()),
    of_port!("session", |p| p.session.to_owned()),
    of_row!("purpose", |p| p.purpose.clone(), |s| s.purpose.clone()),
    of_port!("expected", |p| p.expected.clone()),
    of_port!("path", |p| p.path.clone()),
    of_port!("host", |p| p.host.clone()),
    of_port!("address", |p| or_empty(p.address.as_ref())),
    of_port!("dialled", |p| p.dialled.to_string()),
    of_row!("outcome", |p| outcome(p.outcome).to_owned(), |_| "skipped"
        .to_owned()),
    of_port!("verdict", |p| p.verdict.id.to_owned()),
    of_port!("segment", |p| p.verdict.segment.to_owned()),
    of_port!("hop", |p| or_empty(p.hop.as_ref())),
    of_port!("hop_address", |p| or_empty(p.hop_address.as_ref())),
    of_port!("confidence", |p| p.verdict.confidence.to_owned()),
    of_row!("claim", |p| p.verdict.claim.clone(), |s| s.because.clone()),
    of_port!("evidence", |p| p.verdict.evidence.join("; ")),
    of_port!("next_step", |p| or_empty(p.verdict.next_step.as_ref())),
    of_port!("logs", |p| or_empty(p.verdict.logs.as_ref())),
    of_port!("findings", |p| {
        let ids: Vec<&str> = p.findings.iter().map(|f| f.id).collect();
        ids.join(" ")
    }),
    of_port!("silent_s", |p| or_empty(
        p.silence.map(|s| s.seconds).as_ref()
    )),
    of_port!("keep_alive_s", |p| {
        or_empty(p.silence.and_then(|s| s.keep_alive_seconds).as_ref())
    }),
    of_port!("time_us", |p| p.time_us.to_string()),
    of_port!("connect_us", |p| or_empty(p.timings.connect_us.as_ref())),
    of_port!("proxy_us", |p| or_empty(p.timings.proxy_us.as_ref())),
    of_port!("tls_us", |p| or_empty(p.timings.tls_us.as_ref())),
    of_port!("testimony_us", |p| or_empty(
        p.timings.testimony_us.as_ref()
    )),
    of_port!("exchange_us", |p| or_empty(p.timings.exchange_us.as_ref())),
    of_run!("labels", |r| r.run.labels_in_line(";")),
    // `false` if the run was interrupted.
    of_run!("run_complete", |r| r.run.complete.to_string()),
];

/// Returns the value as text. A value that was not measured is an empty cell, never 0.
pub(crate) fn or_empty(value: Option<&impl ToString>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}

/// Returns the name of an outcome in a cell.
pub(crate) const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AsExpected => "as-expected",
        Outcome::NotAsExpected => "not-as-expected",
        Outcome::Undecided => "undecided",
    }
}

/// Returns the cell in a form that no spreadsheet takes for a formula and no terminal obeys.
pub(crate) fn harmless(cell: &str) -> String {
    let cell = printable(cell);
    // Spreadsheets also recognise a formula after leading blanks.
    if cell.trim_start().starts_with([
        '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) {
        return format!("'{cell}");
    }
    cell.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn rendered(report: &Report) -> String {
        recorded::written(|out| write(report, out))
    }

    #[test]
    fn a_run_with_failures() {
        insta::assert_snapshot!(rendered(&Report::of(&recorded::DROPPED.read())));
    }

    #[test]
    fn every_recorded_run_has_a_row_for_each_probe_and_each_skipped_rule() {
        for run in recorded::ALL {
            let document = run.read();
            let text = rendered(&Report::of(&document));
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(
                records.len(),
                document.probes.len() + document.skipped.len(),
                "{}",
                run.name
            );
        }
    }

    #[test]
    fn every_row_of_an_interrupted_run_says_so() {
        let mut document = recorded::DROPPED.read();
        for complete in [true, false] {
            document.run.complete = complete;
            let text = rendered(&Report::of(&document));
            let mut lines = text.lines();
            assert!(lines.next().unwrap().ends_with(",run_complete"));
            assert!(lines.all(|line| line.ends_with(&format!(",{complete}"))));
        }
    }

    #[test]
    fn all_labels_are_in_one_cell() {
        let document = recorded::with_labels(&["rack=12", "node=n042", "site=Zürich, hall 2"]);
        let text = rendered(&Report::of(&document));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader.headers().unwrap().clone();
        let at = |name: &str| headers.iter().position(|header| header == name).unwrap();
        for record in reader.records().map(Result::unwrap) {
            assert_eq!(&record[at("node")], "n042");
            assert_eq!(
                &record[at("labels")],
                "node=n042;rack=12;site=Zürich, hall 2"
            );
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(harmless("  +1"), "'  +1");
        assert_eq!(harmless("\t@x"), "\\u{9}@x");
        assert_eq!(harmless("a=b"), "a=b");
    }
}
