//! Reports of the runs of many nodes: the nodes with the same answer together, and the odd ones first.

use std::io::{self, Write};

use probe_core::catalogue::{Severity, VerdictClass, VerdictId};
use probe_core::judge::Outcome;
use probe_core::words::counted;
use probe_documents::diff::{ChangeKind, Subject};
use probe_documents::merge::{
    Group, GroupRow, MergeDocument, NodeAnswer, Nodes, Place, Question, RowChange, UnreadKind,
};

use crate::diff::KINDS;
use crate::json;
use crate::text::{Look, shortened};

mod csv;
mod html;
mod remarks;
mod text;

// The crate `csv` has the same name.
pub(crate) use self::csv::write as write_csv;
pub(crate) use self::html::write as write_html;
pub(crate) use self::text::write as write_text;

pub(crate) fn write_json(
    merge: &MergeDocument,
    _look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    json::pretty(merge, out)
}

/// Returns a question in words: `5901/nettcp (soa-broker) over direct, IPv4`.
fn question(question: &Question) -> String {
    let subject = Subject {
        rule: question.rule.clone(),
        path: question.path.clone(),
        family: question.family,
    };
    let silence = question.silence.map(|silence| silence.seconds);
    crate::diff::subject(&subject, question.port, question.session, silence)
}

/// Returns what a group found: `dropped at path: hop 3 10.0.0.1 (1 node)`.
fn result(row: &GroupRow) -> String {
    let mut text = verdict_at(row.verdict, row.place);
    if !row.devices.is_empty() {
        let devices = row.devices.iter();
        let devices = devices.map(|count| (count.device.to_string(), count.nodes));
        text.push_str(&format!(": {}", shares(devices)));
    }
    text
}

/// Returns a verdict with the part of the path that it blames: `dropped at path`.
fn verdict_at(verdict: VerdictId, place: Place) -> String {
    let name = verdict.name();
    match place {
        Place::None | Place::Unknown => name.to_owned(),
        Place::ThisHost
        | Place::NearNetwork
        | Place::Path
        | Place::CloudEdge
        | Place::ServerHost
        | Place::Proxy => format!("{name} at {}", place.name()),
    }
}

/// Returns what changed: `reachable → dropped at path`.
fn transition(change: &RowChange) -> String {
    let found = |answer: NodeAnswer| verdict_at(answer.verdict, answer.place);
    match (change.before, change.after) {
        (Some(before), Some(after)) => format!("{} → {}", found(before), found(after)),
        (Some(answer), None) | (None, Some(answer)) => found(answer),
        (None, None) => String::new(),
    }
}

/// Returns the name of a kind of change, to write before a rule.
fn change_name(kind: ChangeKind) -> &'static str {
    let known = KINDS.into_iter().find(|(of, ..)| *of == kind);
    known.map_or("", |(_, _, name, _)| name)
}

/// Returns whether the outcome differs from the expectation, or the port is open with a warning.
fn needs_a_word(row: &GroupRow) -> bool {
    let entry = row.verdict.entry();
    let is_warned = entry.class == VerdictClass::Open && entry.severity != Severity::Info;
    row.outcome != Outcome::AsExpected || is_warned
}

/// Returns values with the number of nodes that have each: `0.1.0 (97 nodes), 0.2.0 (1 node)`.
fn shares(values: impl ExactSizeIterator<Item = (String, usize)>) -> String {
    let more = values.len().saturating_sub(MOST_SHARES);
    let mut texts: Vec<String> = values
        .take(MOST_SHARES)
        .map(|(value, nodes)| format!("{value} ({})", counted(nodes, "node")))
        .collect();
    if more > 0 {
        texts.push(format!("and {more} more (all of them: --format json)"));
    }
    texts.join(", ")
}

/// Returns the names of nodes for people, cut if there are too many.
fn names(nodes: &Nodes) -> String {
    let all = nodes.names.join(", ");
    let shown = shortened(&all, LONGEST_NAMES);
    if shown == all {
        all
    } else {
        format!("{shown} (all of them: --format json)")
    }
}

/// Returns the tests of a group in one line: `1 of 2 tests not as expected`.
fn outcomes(group: &Group) -> String {
    let count = |outcome| {
        group
            .rows
            .iter()
            .filter(|row| row.outcome == outcome)
            .count()
    };
    let all = counted(group.rows.len(), "test");
    let mut parts = Vec::new();
    for (outcome, words) in [
        (Outcome::NotAsExpected, "not as expected"),
        (Outcome::Undecided, "undecided"),
    ] {
        match count(outcome) {
            0 => {}
            some if parts.is_empty() => parts.push(format!("{some} of {all} {words}")),
            some => parts.push(format!("{some} {words}")),
        }
    }
    if parts.is_empty() {
        parts.push(format!("{all} as expected"));
    }
    if group.interrupted {
        parts.push("interrupted".to_owned());
    }
    parts.join(", ")
}

/// Returns the whole answer in one sentence.
fn sentence(merge: &MergeDocument) -> String {
    let summary = merge.summary;
    let (nodes, groups) = (summary.nodes, merge.groups.len());
    let mut text = format!("{} in {}", counted(nodes, "node"), counted(groups, "group"));
    let parts: Vec<String> = [
        (summary.as_expected, "as expected"),
        (summary.not_as_expected, "not as expected"),
        (summary.undecided, "undecided"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    if !parts.is_empty() {
        text.push_str(&format!(": {}", parts.join(", ")));
    }
    if summary.missing > 0 {
        text.push_str(&format!("; {} missing", summary.missing));
    }
    if summary.unread > 0 {
        let unread = counted(summary.unread, "file");
        text.push_str(&format!("; {unread} not read"));
    }
    text
}

/// Returns the kind of reason in words, to write after a number of files.
const fn unread_kind(kind: UnreadKind) -> &'static str {
    match kind {
        UnreadKind::CutOff => "cut off",
        UnreadKind::Foreign => "not a run",
        UnreadKind::OtherVersion => "of a different version",
        UnreadKind::Damaged => "with a mistake",
        UnreadKind::Unreadable => "unreadable",
        UnreadKind::TooMany => "beyond the limit",
    }
}

/// The maximum number of values in one line.
const MOST_SHARES: usize = 8;
/// The greatest length of a list of names in a text, in columns.
const LONGEST_NAMES: usize = 1_200;

#[cfg(test)]
mod tests;
