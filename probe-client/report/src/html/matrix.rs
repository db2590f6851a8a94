//! Ports against paths: one line per rule, one column per path and server.

use serde::Serialize;

use crate::rows::{Mark, PortRow, Report};

/// The table of ports against paths.
#[derive(Debug, Serialize)]
pub(crate) struct Matrix {
    columns: Vec<Column>,
    lines: Vec<Line>,
}

#[derive(Debug, Eq, PartialEq, Serialize)]
struct Column {
    path: String,
    /// Host and address of the server; `None` if the run has only one.
    server: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    port: u16,
    session: &'static str,
    purpose: String,
    expected: String,
    silence: Option<String>,
    cells: Vec<Option<Cell>>,
}

#[derive(Clone, Debug, Serialize)]
struct Cell {
    mark: Mark,
    word: &'static str,
    verdict: &'static str,
    /// The number of the failure that explains the cell, from 1.
    failure: Option<usize>,
    time_us: u64,
}

impl Matrix {
    pub(crate) fn of(report: &Report) -> Self {
        let mut columns: Vec<(Column, &PortRow)> = Vec::new();
        let mut lines: Vec<(Line, &PortRow)> = Vec::new();
        let first = report.ports.first();
        let one_server = report
            .ports
            .iter()
            .all(|p| first.is_some_and(|f| (&f.host, f.address) == (&p.host, p.address)));
        for (index, port) in report.ports.iter().enumerate() {
            let known = columns.iter().position(|(_, of)| of.same_server(port));
            let column = known.unwrap_or_else(|| {
                columns.push((Column::of(port, one_server), port));
                columns.len() - 1
            });
            let known = lines.iter().position(|(_, of)| is_alike(of, port));
            let line = known.unwrap_or_else(|| {
                lines.push((Line::of(port), port));
                lines.len() - 1
            });
            let cells = &mut lines[line].0.cells;
            if cells.len() <= column {
                cells.resize(column + 1, None);
            }
            cells[column] = Some(Cell::of(report, index));
        }
        let width = columns.len();
        let lines = lines.into_iter().map(|(mut line, _)| {
            line.cells.resize(width, None);
            line
        });
        Self {
            lines: lines.collect(),
            columns: columns.into_iter().map(|(column, _)| column).collect(),
        }
    }
}

impl Column {
    fn of(port: &PortRow, one_server: bool) -> Self {
        let server = match port.address {
            Some(address) => address.to_string(),
            None => port.host.clone(),
        };
        Self {
            path: port.path.clone(),
            server: (!one_server).then_some(server),
        }
    }
}

impl Line {
    fn of(port: &PortRow) -> Self {
        let silence = port.silence.map(|silence| {
            let every = silence.keep_alive_seconds;
            let every = every.map_or_else(String::new, |s| format!(", keep-alive every {s} s"));
            format!("silent for {} s{every}", silence.seconds)
        });
        Self {
            port: port.port,
            session: port.session,
            purpose: port.purpose.clone(),
            expected: port.expected.clone(),
            silence,
            cells: Vec::new(),
        }
    }
}

impl Cell {
    fn of(report: &Report, index: usize) -> Self {
        let port = &report.ports[index];
        let failure = report.failures.iter().position(|f| f.rows.contains(&index));
        Self {
            mark: port.mark,
            word: match port.mark {
                Mark::Ok => "ok",
                Mark::Warned => "ok, but",
                Mark::Fail => "FAIL",
                Mark::Undecided => "undecided",
            },
            verdict: port.verdict.id,
            failure: failure.map(|at| at + 1),
            time_us: port.time_us,
        }
    }
}

/// Returns whether both rows are about the same rule and the same length of silence.
fn is_alike(one: &PortRow, other: &PortRow) -> bool {
    let silence = |row: &PortRow| row.silence.map(|s| (s.seconds, s.keep_alive_seconds));
    one.rule == other.rule && silence(one) == silence(other)
}
