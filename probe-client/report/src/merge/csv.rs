//! Writes the answer of many nodes as CSV (RFC 4180) for spreadsheets: one row per group and test, one for the missing
//! nodes, and one for each file that was not read. Column names are stable.

use std::io::{self, Write};

use probe_core::profile::RuleId;
use probe_documents::merge::{Group, GroupRow, MergeDocument, Nodes, Question, UnreadFile};

use crate::csv::{harmless, or_empty, outcome};
use crate::text::Look;

pub(crate) fn write(merge: &MergeDocument, _look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer.write_record(COLUMNS.iter().map(|column| column.name))?;
    for row in rows(merge) {
        let cells = COLUMNS.iter().map(|column| harmless(&(column.cell)(&row)));
        writer.write_record(cells)?;
    }
    writer.flush()
}

enum Row<'a> {
    Test(Numbered<'a>, &'a GroupRow),
    Skipped(Numbered<'a>, &'a RuleId),
    /// A group of runs without any rule.
    Bare(Numbered<'a>),
    Missing(&'a Nodes),
    Unread(&'a UnreadFile),
    /// The number of files that were not read and are not named.
    MoreUnread(usize),
}

/// A group with its number: 1 for the first.
#[derive(Clone, Copy)]
struct Numbered<'a> {
    number: usize,
    group: &'a Group,
}

fn rows(merge: &MergeDocument) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (group, number) in merge.groups.iter().zip(1..) {
        let numbered = Numbered { number, group };
        rows.extend(group.rows.iter().map(|row| Row::Test(numbered, row)));
        rows.extend(
            group
                .skipped
                .iter()
                .map(|rule| Row::Skipped(numbered, rule)),
        );
        if group.rows.is_empty() && group.skipped.is_empty() {
            rows.push(Row::Bare(numbered));
        }
    }
    let missing = merge.missing.iter().filter(|missing| missing.count > 0);
    rows.extend(missing.map(Row::Missing));
    let named = &merge.unread.named;
    rows.extend(named.iter().map(Row::Unread));
    let more = merge.unread.count.saturating_sub(named.len());
    if more > 0 {
        rows.push(Row::MoreUnread(more));
    }
    rows
}

impl<'a> Row<'a> {
    /// Returns the group that the row is about; `None` for nodes and files without a run.
    const fn group(&self) -> Option<Numbered<'a>> {
        match self {
            Self::Test(group, _) | Self::Skipped(group, _) | Self::Bare(group) => Some(*group),
            Self::Missing(_) | Self::Unread(_) | Self::MoreUnread(_) => None,
        }
    }

    const fn test(&self) -> Option<&'a GroupRow> {
        match self {
            Self::Test(_, test) => Some(*test),
            Self::Skipped(..)
            | Self::Bare(_)
            | Self::Missing(_)
            | Self::Unread(_)
            | Self::MoreUnread(_) => None,
        }
    }

    /// Returns the nodes that the row is about.
    const fn nodes(&self) -> Option<&'a Nodes> {
        match self {
            Self::Test(of, _) | Self::Skipped(of, _) | Self::Bare(of) => Some(&of.group.nodes),
            Self::Missing(nodes) => Some(*nodes),
            Self::Unread(_) | Self::MoreUnread(_) => None,
        }
    }

    /// Returns the outcome of the whole group, or why there is none.
    const fn state(&self) -> &'static str {
        match self {
            Self::Test(of, _) | Self::Skipped(of, _) | Self::Bare(of) => outcome(of.group.outcome),
            Self::Missing(_) => "missing",
            Self::Unread(_) | Self::MoreUnread(_) => "not-read",
        }
    }

    fn file(&self) -> String {
        match self {
            Self::Test(of, _) | Self::Skipped(of, _) | Self::Bare(of) => of.group.example.clone(),
            Self::Unread(file) => file.source.clone(),
            Self::Missing(_) | Self::MoreUnread(_) => String::new(),
        }
    }

    fn rule(&self) -> String {
        match self {
            Self::Test(_, test) => test.question.rule.to_string(),
            Self::Skipped(_, rule) => rule.to_string(),
            Self::Bare(_) | Self::Missing(_) | Self::Unread(_) | Self::MoreUnread(_) => {
                String::new()
            }
        }
    }

    /// Returns the outcome of one test.
    fn outcome(&self) -> String {
        match self {
            Self::Test(_, test) => outcome(test.outcome).to_owned(),
            Self::Skipped(..) => "skipped".to_owned(),
            Self::Bare(_) | Self::Missing(_) | Self::Unread(_) | Self::MoreUnread(_) => {
                String::new()
            }
        }
    }

    fn because(&self) -> String {
        match self {
            Self::Unread(file) => file.because.clone(),
            Self::MoreUnread(count) => format!("{count} more were not read"),
            Self::Test(..) | Self::Skipped(..) | Self::Bare(_) | Self::Missing(_) => String::new(),
        }
    }
}

struct Column {
    name: &'static str,
    cell: fn(&Row<'_>) -> String,
}

/// Makes a column about a test, empty in other rows.
macro_rules! of_test {
    ($name:literal, $cell:expr) => {
        Column {
            name: $name,
            cell: |row| {
                let cell: fn(&GroupRow) -> String = $cell;
                row.test().map_or_else(String::new, cell)
            },
        }
    };
}

/// Makes a column about the question of a test, empty in other rows.
macro_rules! of_question {
    ($name:literal, $cell:expr) => {
        of_test!($name, |test| {
            let cell: fn(&Question) -> String = $cell;
            cell(&test.question)
        })
    };
}

/// Makes a column that any row may have.
macro_rules! of_row {
    ($name:literal, $cell:expr) => {
        Column {
            name: $name,
            cell: $cell,
        }
    };
}

const COLUMNS: &[Column] = &[
    of_row!("group", |r| or_empty(
        r.group().map(|of| of.number).as_ref()
    )),
    of_row!("state", |r| r.state().to_owned()),
    of_row!("nodes", |r| or_empty(
        r.nodes().map(|nodes| nodes.count).as_ref()
    )),
    of_row!("names", |r| r
        .nodes()
        .map_or_else(String::new, |nodes| nodes.names.join(","))),
    of_row!("run_complete", |r| or_empty(
        r.group().map(|of| !of.group.interrupted).as_ref()
    )),
    of_row!("file", |r| r.file()),
    of_row!("rule", |r| r.rule()),
    of_question!("port", |q| q.port.to_string()),
    of_question!("session", |q| q.session.to_string()),
    of_question!("path", |q| q.path.clone()),
    of_question!("family", |q| or_empty(
        q.family.map(|family| family.name()).as_ref()
    )),
    of_question!("silent_s", |q| or_empty(
        q.silence.map(|silence| silence.seconds).as_ref()
    )),
    of_question!("keep_alive_s", |q| {
        or_empty(q.silence.and_then(|s| s.keep_alive_seconds).as_ref())
    }),
    of_test!("expected", |t| t.expect.to_string()),
    of_row!("outcome", |r| r.outcome()),
    of_test!("verdict", |t| t.verdict.name().to_owned()),
    of_test!("place", |t| t.place.name().to_owned()),
    of_test!("devices", |t| {
        let devices = t.devices.iter();
        let texts: Vec<String> = devices
            .map(|count| format!("{} ({})", count.device, count.nodes))
            .collect();
        texts.join("; ")
    }),
    of_row!("because", |r| r.because()),
];
