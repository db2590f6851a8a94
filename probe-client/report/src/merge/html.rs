//! Writes the answer of many nodes as one self-contained HTML page, without scripts and without requests.

use std::io::{self, Write};

use minijinja::context;
use probe_core::judge::Outcome;
use probe_core::words::counted;
use probe_documents::merge::{ChangedNodes, Group, MatrixCell, MatrixRow, MergeDocument};
use serde::Serialize;

use super::remarks::{Remark, of_changes, remarks};
use super::{change_name, needs_a_word, outcomes, question, result, sentence, transition};
use crate::html::{STYLE, page};
use crate::templating::value;
use crate::text::Look;

pub(crate) fn write(merge: &MergeDocument, _look: Look, out: &mut dyn Write) -> io::Result<()> {
    let values = context! {
        view => value(&View::of(merge)),
        style => STYLE,
    };
    out.write_all(page("merge.html", TEMPLATE, &values)?.as_bytes())
}

/// The contents of the page.
#[derive(Serialize)]
struct View {
    sentence: String,
    exit_code: u8,
    groups: Vec<GroupView>,
    /// The number of groups that are not shown.
    more_groups: usize,
    /// The numbers of the groups in the matrix.
    columns: Vec<usize>,
    lines: Vec<LineView>,
    changes: Option<ChangesView>,
    remarks: Vec<RemarkView>,
}

#[derive(Serialize)]
struct GroupView {
    mark: &'static str,
    count: String,
    outcomes: String,
    names: String,
    /// The tests that say more than "as expected".
    rows: Vec<RowView>,
    skipped: Vec<String>,
    example: String,
}

#[derive(Serialize)]
struct RowView {
    mark: &'static str,
    question: String,
    result: String,
}

#[derive(Serialize)]
struct LineView {
    question: String,
    cells: Vec<Option<CellView>>,
}

#[derive(Serialize)]
struct CellView {
    mark: &'static str,
    verdict: &'static str,
}

#[derive(Serialize)]
struct ChangesView {
    groups: Vec<ChangedView>,
    /// The number of groups that are not shown.
    more_groups: usize,
    remarks: Vec<RemarkView>,
}

#[derive(Serialize)]
struct ChangedView {
    count: String,
    names: String,
    /// One line for each change.
    changes: Vec<String>,
}

#[derive(Serialize)]
struct RemarkView {
    label: &'static str,
    texts: Vec<String>,
}

impl View {
    fn of(merge: &MergeDocument) -> Self {
        let columns = merge.matrix.first().map_or(0, |row| row.cells.len());
        Self {
            sentence: sentence(merge),
            exit_code: merge.summary.exit_code,
            groups: merge
                .groups
                .iter()
                .take(MOST_GROUPS)
                .map(GroupView::of)
                .collect(),
            more_groups: merge.groups.len().saturating_sub(MOST_GROUPS),
            columns: (1..=columns.min(MOST_COLUMNS)).collect(),
            lines: merge.matrix.iter().map(LineView::of).collect(),
            changes: merge.changes.as_ref().map(|changes| ChangesView {
                groups: changes
                    .groups
                    .iter()
                    .take(MOST_GROUPS)
                    .map(ChangedView::of)
                    .collect(),
                more_groups: changes.groups.len().saturating_sub(MOST_GROUPS),
                remarks: viewed(of_changes(changes)),
            }),
            remarks: viewed(remarks(merge)),
        }
    }
}

impl GroupView {
    fn of(group: &Group) -> Self {
        let rows = group.rows.iter().filter(|row| needs_a_word(row));
        Self {
            mark: mark(group.outcome),
            count: counted(group.nodes.count, "node"),
            outcomes: outcomes(group),
            names: group.nodes.names.join(", "),
            rows: rows
                .map(|row| RowView {
                    mark: mark(row.outcome),
                    question: question(&row.question),
                    result: result(row),
                })
                .collect(),
            skipped: group.skipped.iter().map(ToString::to_string).collect(),
            example: group.example.clone(),
        }
    }
}

impl LineView {
    fn of(row: &MatrixRow) -> Self {
        let cell = |cell: &Option<MatrixCell>| {
            cell.map(|cell| CellView {
                mark: mark(cell.outcome),
                verdict: cell.verdict.name(),
            })
        };
        Self {
            question: question(&row.question),
            cells: row.cells.iter().take(MOST_COLUMNS).map(cell).collect(),
        }
    }
}

impl ChangedView {
    fn of(group: &ChangedNodes) -> Self {
        let changes = group.rows.iter().map(|row| {
            let (kind, question) = (change_name(row.change), question(&row.question));
            format!("{kind}: {question}: {}", transition(row))
        });
        Self {
            count: counted(group.nodes.count, "node"),
            names: group.nodes.names.join(", "),
            changes: changes.collect(),
        }
    }
}

fn viewed(remarks: Vec<Remark>) -> Vec<RemarkView> {
    let viewed = remarks.into_iter().map(|remark| RemarkView {
        label: remark.label,
        texts: remark.texts,
    });
    viewed.collect()
}

/// Returns the name of the mark in the page.
const fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AsExpected => "ok",
        Outcome::NotAsExpected => "fail",
        Outcome::Undecided => "undecided",
    }
}

const TEMPLATE: &str = include_str!("../../templates/merge.html");
/// The maximum number of groups that are shown.
const MOST_GROUPS: usize = 100;
/// The maximum number of groups in the matrix.
const MOST_COLUMNS: usize = 20;
