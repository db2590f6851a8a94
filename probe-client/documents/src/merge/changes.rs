//! Compares the runs of many nodes with earlier runs of them. Nodes with the same changes are one group.

use std::collections::{BTreeMap, BTreeSet};

use super::Merge;
use super::answer::{Answer, Row};
use super::document::{ChangedNodes, Changes, NodeAnswer, Nodes, RowChange};
use super::groups::question;
use crate::diff::{Answers, ChangeKind, Key, spread, transition};

/// One change, in the order of urgency.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Changed {
    change: ChangeKind,
    key: Key,
    before: Option<Row>,
    after: Option<Row>,
}

/// Returns what changed from `earlier` to `later`.
pub(super) fn between(earlier: &Merge, later: &Merge) -> Changes {
    let (old, new) = (earlier.answers.values(), later.answers.values());
    let (old_asides, new_asides) = (earlier.asides.values(), later.asides.values());
    // Nodes share answers, so each pair of answers is compared only once.
    let mut pairs: BTreeMap<(usize, usize, bool), Vec<&str>> = BTreeMap::new();
    let mut appeared: Vec<&str> = Vec::new();
    for (name, node) in &later.nodes {
        match earlier.nodes.get(name) {
            Some(known) => {
                let is_quick = old_asides[known.aside].quick || new_asides[node.aside].quick;
                let pair = (known.answer, node.answer, is_quick);
                pairs.entry(pair).or_default().push(name);
            }
            None => appeared.push(name),
        }
    }
    let gone = earlier.nodes.keys().map(String::as_str);
    let gone = gone.filter(|name| !later.nodes.contains_key(*name));
    let mut alike: BTreeMap<Vec<Changed>, Vec<&str>> = BTreeMap::new();
    let mut unchanged = 0;
    for ((before, after, is_quick), names) in pairs {
        let rows = changed(old[before], new[after], is_quick);
        if rows.is_empty() {
            unchanged += names.len();
        } else {
            alike.entry(rows).or_default().extend(names);
        }
    }
    Changes {
        groups: groups(alike),
        unchanged,
        new: Nodes::of(appeared.into_iter()),
        gone: Nodes::of(gone),
        unread: earlier.unread.clone(),
    }
}

/// Returns the changes between two answers, the most urgent one first.
fn changed(before: &Answer, after: &Answer, is_quick: bool) -> Vec<Changed> {
    let (mut old, mut new) = (by_key(before), by_key(after));
    spread(&mut old, &new);
    spread(&mut new, &old);
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).collect();
    let changed = keys.into_iter().filter_map(|key| {
        let (was, is) = (old.get(key).copied(), new.get(key).copied());
        let change = match (was, is) {
            (Some(was), Some(is)) => transition(&was.said(is_quick), &is.said(is_quick))?.0,
            (Some(_), None) => one_sided(key, after, ChangeKind::Gone),
            (None, Some(_)) => one_sided(key, before, ChangeKind::New),
            (None, None) => return None,
        };
        Some(Changed {
            change,
            key: key.clone(),
            before: was.cloned(),
            after: is.cloned(),
        })
    });
    let mut changed: Vec<Changed> = changed.collect();
    changed.sort_unstable();
    changed
}

fn by_key(answer: &Answer) -> Answers<&Row> {
    let rows = answer.rows.iter();
    rows.map(|row| (row.key.clone(), row)).collect()
}

/// Returns the change if only one of the answers is about `key`. The answer `without` it may have left it open.
fn one_sided(key: &Key, without: &Answer, change: ChangeKind) -> ChangeKind {
    if without.interrupted || without.skipped.contains(&key.subject.rule) {
        ChangeKind::NotComparable
    } else {
        change
    }
}

fn groups(alike: BTreeMap<Vec<Changed>, Vec<&str>>) -> Vec<ChangedNodes> {
    let groups = alike.into_iter().map(|(rows, names)| ChangedNodes {
        nodes: Nodes::of(names.into_iter()),
        rows: rows.iter().filter_map(RowChange::of).collect(),
    });
    let mut groups: Vec<ChangedNodes> = groups.collect();
    groups.sort_by_key(|group| {
        let most_urgent = group.rows.iter().map(|row| row.change).min();
        (most_urgent, group.nodes.count)
    });
    groups
}

impl RowChange {
    /// Returns `None` if neither time has the test.
    fn of(changed: &Changed) -> Option<Self> {
        let row = changed.after.as_ref().or(changed.before.as_ref())?;
        Some(Self {
            question: question(&changed.key, row),
            change: changed.change,
            before: changed.before.as_ref().map(NodeAnswer::of),
            after: changed.after.as_ref().map(NodeAnswer::of),
        })
    }
}

impl NodeAnswer {
    fn of(row: &Row) -> Self {
        Self {
            outcome: row.outcome,
            verdict: row.verdict,
            place: row.place,
        }
    }
}
