//! Merges the runs of many nodes into one answer. Nodes with the same answer are one group, and only the newest run of
//! a node counts. The memory depends on the number of nodes and of different answers, not on the number of runs: of a
//! node it keeps the name, the file and the time of the newest run, and the numbers of its answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use probe_core::excerpt::Excerpt;
use probe_core::judge::Outcome;

mod answer;
mod changes;
mod document;
mod groups;
mod interned;
mod node_names;
mod node_run;

use answer::{Addresses, Answer, Aside, addresses};
pub use document::{
    ChangedNodes, Changes, Device, DeviceCount, Duplicates, EgressCount, FactCount, Group,
    GroupRow, MatrixCell, MatrixRow, MergeDocument, MergeSummary, NodeAnswer, Nodes, Place,
    Question, RowChange, Unread, UnreadCount, UnreadFile, UnreadKind,
};
use document::{DOCUMENT, MAX_BECAUSE};
use groups::{Answered, Member};
use interned::Interned;
use node_names::MAX_NAME;
pub use node_names::{MOST_NODES, NodeNamesError, differing_in_zeros, fold, unfold};
pub use node_run::NodeRun;

use crate::diff::FactKind;

/// Collects the runs of many nodes, in any order.
#[derive(Debug, Default)]
pub struct Merge {
    nodes: BTreeMap<String, Node>,
    answers: Interned<Answer>,
    asides: Interned<Aside>,
    addresses: Interned<Addresses>,
    unread: Unread,
}

/// The newest run of one node.
#[derive(Debug)]
struct Node {
    /// The time at which the run began, and its file. The file decides between runs that began at the same time.
    run: (Option<Timestamp>, String),
    answer: usize,
    aside: usize,
    addresses: usize,
    /// The number of other runs of this node.
    others: usize,
}

impl Merge {
    /// Adds the run that `source` contains.
    pub fn add(&mut self, source: &str, document: &NodeRun<'_>) {
        let name = document.node();
        if name.len() > MAX_NAME {
            let why = format!("{source}: the name of the node is longer than {MAX_NAME} bytes");
            return self.leave_out(source, UnreadKind::Damaged, &why);
        }
        let known = self.nodes.get(name);
        let is_full = known.is_none() && self.nodes.len() >= MOST_NODES;
        if is_full || self.most_answers() >= MOST_NODES {
            let why = format!("{source}: there are already {MOST_NODES} nodes or answers");
            return self.leave_out(source, UnreadKind::TooMany, &why);
        }
        let began = document.run.started.parse::<Timestamp>();
        let run = (began.ok(), source.to_owned());
        let others = known.map_or(0, |known| known.others + 1);
        if let Some(known) = self.nodes.get_mut(name)
            && known.run >= run
        {
            known.others = others;
            return;
        }
        let (answer, aside) = Answer::of(document);
        let node = Node {
            run,
            answer: self.answers.number(answer),
            aside: self.asides.number(aside),
            addresses: self.addresses.number(addresses(document)),
            others,
        };
        self.nodes.insert(name.to_owned(), node);
    }

    /// Notes that `source` is not a run, or could not be read.
    pub fn leave_out(&mut self, source: &str, kind: UnreadKind, because: &str) {
        let because = Excerpt::cut(because, MAX_BECAUSE);
        self.unread.add(source, kind, because.into());
    }

    /// Returns the largest number of different values of one kind.
    fn most_answers(&self) -> usize {
        let kinds = [self.answers.len(), self.asides.len(), self.addresses.len()];
        kinds.into_iter().max().unwrap_or_default()
    }

    /// Returns whether there is no run to merge.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns what was left out.
    pub const fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Returns the answer of all nodes. `expected` are the names of the nodes that should have a run, if the user gave
    /// them.
    pub fn merged(self, expected: Option<&BTreeSet<String>>) -> MergeDocument {
        let Self {
            nodes,
            answers,
            asides,
            addresses,
            unread,
        } = self;
        let (answers, asides) = (answers.into_values(), asides.into_values());
        let addresses = addresses.into_values();
        let groups = grouped(&nodes, &answers, &asides);
        let is_undecided = |node: &Node| answers[node.answer].is_undecided();
        let names_of = |is_meant: &dyn Fn(&Node) -> bool| {
            let found = nodes.iter().filter(|(_, node)| is_meant(node));
            let names: Vec<&str> = found.map(|(name, _)| name.as_str()).collect();
            Nodes::of(names.into_iter())
        };
        let missing = expected.map(|expected| {
            let missing = expected.iter().filter(|name| !nodes.contains_key(*name));
            Nodes::of(missing.map(String::as_str))
        });
        let unexpected = expected.map(|expected| {
            let unexpected = nodes.keys().filter(|name| !expected.contains(*name));
            Nodes::of(unexpected.map(String::as_str))
        });
        let shown: Vec<Group> = groups.iter().map(Answered::group).collect();
        MergeDocument {
            document: DOCUMENT,
            summary: summary(&shown, missing.as_ref(), &unread),
            matrix: groups::matrix(&groups),
            groups: shown,
            egress: egress(nodes.values().map(|node| &addresses[node.addresses])),
            versions: versions(asides_of(&nodes, &asides)),
            undecided: names_of(&is_undecided),
            missing,
            unexpected,
            duplicates: Duplicates {
                runs: nodes.values().map(|node| node.others).sum(),
                nodes: names_of(&|node: &Node| node.others > 0),
            },
            unread,
            changes: None,
        }
    }

    /// Returns what changed since `earlier`, earlier runs of the nodes. The caller puts it into the merged document.
    pub fn changes_since(&self, earlier: &Self) -> Changes {
        changes::between(earlier, self)
    }
}

/// Returns the nodes by their answers, in the order of reports.
fn grouped<'a>(
    nodes: &'a BTreeMap<String, Node>,
    answers: &'a [Answer],
    asides: &'a [Aside],
) -> Vec<Answered<'a>> {
    let mut groups: BTreeMap<usize, Answered<'a>> = BTreeMap::new();
    for (name, node) in nodes {
        let group = groups.entry(node.answer).or_insert_with(|| Answered {
            answer: &answers[node.answer],
            members: Vec::new(),
        });
        group.members.push(Member {
            name,
            source: &node.run.1,
            aside: &asides[node.aside],
        });
    }
    let mut groups: Vec<Answered<'a>> = groups.into_values().collect();
    groups::sort(&mut groups);
    groups
}

/// Returns the facts that the newest run of each node states.
fn asides_of<'a>(
    nodes: &'a BTreeMap<String, Node>,
    asides: &'a [Aside],
) -> impl Iterator<Item = &'a Aside> {
    nodes.values().map(move |node| &asides[node.aside])
}

fn summary(groups: &[Group], missing: Option<&Nodes>, unread: &Unread) -> MergeSummary {
    let count = |outcome: Outcome| {
        let of_outcome = groups.iter().filter(|group| group.outcome == outcome);
        of_outcome.map(|group| group.nodes.count).sum::<usize>()
    };
    let missing = missing.map_or(0, |missing| missing.count);
    let not_as_expected = count(Outcome::NotAsExpected);
    let undecided = count(Outcome::Undecided);
    let exit_code = match (not_as_expected, undecided + missing + unread.count) {
        (0, 0) => 0,
        (0, _) => 3,
        (_, _) => 1,
    };
    MergeSummary {
        nodes: groups.iter().map(|group| group.nodes.count).sum(),
        as_expected: count(Outcome::AsExpected),
        not_as_expected,
        undecided,
        missing,
        unread: unread.count,
        exit_code,
    }
}

/// Counts the addresses of the nodes, by path, the most frequent one first.
fn egress<'a>(addresses: impl Iterator<Item = &'a Addresses>) -> Vec<EgressCount> {
    let mut counts: BTreeMap<(&str, IpAddr), usize> = BTreeMap::new();
    for (path, address) in addresses.flatten() {
        *counts.entry((path.as_str(), *address)).or_default() += 1;
    }
    let counts = counts.into_iter();
    let mut counts: Vec<EgressCount> = counts
        .map(|((path, address), nodes)| EgressCount {
            path: path.to_owned(),
            address,
            nodes,
        })
        .collect();
    // The sort is stable, so equal counts stay in the order of their addresses.
    counts.sort_by(|a, b| a.path.cmp(&b.path).then(b.nodes.cmp(&a.nodes)));
    counts
}

/// Counts the facts of the nodes, by kind, the most frequent one first.
fn versions<'a>(asides: impl Iterator<Item = &'a Aside>) -> Vec<FactCount> {
    let mut counts: BTreeMap<(FactKind, &str), usize> = BTreeMap::new();
    for (fact, value) in asides.flat_map(|aside| &aside.facts) {
        *counts.entry((*fact, value.as_str())).or_default() += 1;
    }
    let counts = counts.into_iter();
    let mut counts: Vec<FactCount> = counts
        .map(|((fact, value), nodes)| FactCount {
            fact,
            value: value.to_owned(),
            nodes,
        })
        .collect();
    counts.sort_by(|a, b| a.fact.cmp(&b.fact).then(b.nodes.cmp(&a.nodes)));
    counts
}

#[cfg(test)]
mod tests;
