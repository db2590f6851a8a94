//! Makes groups of nodes with the same answer, and the matrix of rules against groups.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, Aside, Row};
use super::document::{
    Device, DeviceCount, Group, GroupRow, MatrixCell, MatrixRow, Nodes, Question,
};
use super::node_names::fold;
use crate::diff::{Answers, Key, spread};

/// One node of a group.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    /// The file with its run.
    pub(super) source: &'a str,
    pub(super) aside: &'a Aside,
}

/// An answer, with the nodes that gave it in the order of their names.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub(super) answer: &'a Answer,
    pub(super) members: Vec<Member<'a>>,
}

impl Answered<'_> {
    /// Returns the group.
    pub(super) fn group(&self) -> Group {
        Group {
            nodes: Nodes::of(self.members.iter().map(|member| member.name)),
            outcome: self.answer.outcome(),
            interrupted: self.answer.interrupted,
            example: self
                .members
                .first()
                .map_or_else(String::new, |member| member.source.to_owned()),
            rows: self.rows(),
            skipped: self.answer.skipped.iter().cloned().collect(),
        }
    }

    fn rows(&self) -> Vec<GroupRow> {
        let mut devices: BTreeMap<(usize, Device), usize> = BTreeMap::new();
        for blamed in self.members.iter().flat_map(|member| &member.aside.devices) {
            *devices.entry(*blamed).or_default() += 1;
        }
        let rows = self.answer.rows.iter().enumerate();
        let row = |(index, row): (usize, &Row)| {
            let of_row = devices.iter().filter(|((of, _), _)| *of == index);
            let mut counts: Vec<DeviceCount> = of_row
                .map(|((_, device), nodes)| DeviceCount {
                    device: *device,
                    nodes: *nodes,
                })
                .collect();
            counts.sort_by_key(|count| (Reverse(count.nodes), count.device));
            GroupRow {
                question: question(&row.key, row),
                expect: row.expect,
                outcome: row.outcome,
                verdict: row.verdict,
                place: row.place,
                devices: counts,
            }
        };
        let mut rows: Vec<GroupRow> = rows.map(row).collect();
        // The sort is stable, so the rows of one port stay in the order of their ids.
        rows.sort_by_key(|row| row.question.port);
        rows
    }
}

impl Nodes {
    /// Returns the number of `names`, and their short form. Each name must occur once.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        Self {
            count: names.clone().count(),
            names: fold(names),
        }
    }
}

/// Puts the groups into the order of reports: failures first, then undecided ones; among them, the smallest first.
pub(super) fn sort(groups: &mut [Answered<'_>]) {
    groups.sort_by(|a, b| {
        let order = |group: &Answered<'_>| {
            let urgency = group.answer.outcome().urgency();
            (Reverse(urgency), group.members.len())
        };
        let names =
            |group: &Answered<'_>| group.members.first().map(|member| member.name.to_owned());
        order(a)
            .cmp(&order(b))
            .then_with(|| names(a).cmp(&names(b)))
    });
}

/// Returns the matrix of the rules against the first groups.
pub(super) fn matrix(groups: &[Answered<'_>]) -> Vec<MatrixRow> {
    let shown = &groups[..groups.len().min(MOST_COLUMNS)];
    let all = shown.iter().flat_map(|group| &group.answer.rows);
    let with_family = all.filter(|row| row.key.subject.family.is_some());
    let known: Answers<()> = with_family.map(|row| (row.key.clone(), ())).collect();
    let columns: Vec<Answers<&Row>> = shown
        .iter()
        .map(|group| {
            let rows = group.answer.rows.iter();
            let mut column: Answers<&Row> = rows.map(|row| (row.key.clone(), row)).collect();
            spread(&mut column, &known);
            column
        })
        .collect();
    let keys: BTreeSet<&Key> = columns.iter().flat_map(BTreeMap::keys).collect();
    let row = |key: &Key| {
        let first = columns.iter().find_map(|column| column.get(key))?;
        let cell = |column: &Answers<&Row>| {
            column.get(key).map(|row| MatrixCell {
                outcome: row.outcome,
                verdict: row.verdict,
            })
        };
        Some(MatrixRow {
            question: question(key, first),
            cells: columns.iter().map(cell).collect(),
        })
    };
    let mut rows: Vec<MatrixRow> = keys.into_iter().filter_map(row).collect();
    rows.sort_by(|a, b| {
        let (a, b) = (&a.question, &b.question);
        a.path.cmp(&b.path).then(a.port.cmp(&b.port))
    });
    rows
}

/// Returns the question `key`, with the port and session kind of `row`.
pub(super) fn question(key: &Key, row: &Row) -> Question {
    Question {
        rule: key.subject.rule.clone(),
        path: key.subject.path.clone(),
        family: key.subject.family,
        silence: key.silence,
        port: row.port.get(),
        session: row.session,
    }
}

/// The number of groups in the matrix: the widest line of a report has room for about as many marks.
const MOST_COLUMNS: usize = 64;
