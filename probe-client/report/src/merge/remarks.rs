//! What the answer of many nodes says besides its groups: addresses, versions, and what is missing in it.

use probe_core::words::counted;
use probe_documents::merge::{
    Changes, FactCount, MergeDocument, Nodes, Unread, differing_in_zeros,
};

use super::{names, shares, unread_kind};
use crate::diff::fact_name;

/// Texts with one label.
pub(super) struct Remark {
    pub(super) label: &'static str,
    pub(super) texts: Vec<String>,
}

impl Remark {
    fn new(label: &'static str, text: String) -> Self {
        Self {
            label,
            texts: vec![text],
        }
    }

    /// Returns the remark about `nodes`, if there are any.
    fn about(label: &'static str, nodes: Option<&Nodes>) -> Option<Self> {
        let nodes = nodes.filter(|nodes| nodes.count > 0)?;
        let text = format!("{}: {}", counted(nodes.count, "node"), names(nodes));
        Some(Self::new(label, text))
    }
}

/// Returns the remarks about the runs.
pub(super) fn remarks(merge: &MergeDocument) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for counts in merge.egress.chunk_by(|a, b| a.path == b.path) {
        let addresses = counts.iter().map(|c| (c.address.to_string(), c.nodes));
        let path = &counts[0].path;
        let text = format!("over {path} from {}", shares(addresses));
        remarks.push(Remark::new("seen by the server", text));
    }
    for counts in merge.versions.chunk_by(|a, b| a.fact == b.fact) {
        remarks.extend(differing(counts).map(|text| Remark::new("differs", text)));
    }
    remarks.extend(Remark::about("missing", merge.missing.as_ref()));
    remarks.extend(Remark::about("not expected", merge.unexpected.as_ref()));
    remarks.extend(zeros(merge));
    if merge.duplicates.runs > 0 {
        let runs = counted(merge.duplicates.runs, "older run");
        let text = format!("{runs} left out, of {}", names(&merge.duplicates.nodes));
        remarks.push(Remark::new("more than one run", text));
    }
    remarks.extend(unread("not read", &merge.unread));
    remarks
}

/// Returns the remark about expected names that are written with a different number of leading zeros.
fn zeros(merge: &MergeDocument) -> Option<Remark> {
    let (missing, unexpected) = (merge.missing.as_ref()?, merge.unexpected.as_ref()?);
    let (expected, named) = differing_in_zeros(&missing.names, &unexpected.names)?;
    let text = format!(
        "{expected} is expected and {named} has a run: write leading zeros as the nodes do"
    );
    Some(Remark::new("hint", text))
}

/// Returns the remarks about the changes since earlier runs.
pub(super) fn of_changes(changes: &Changes) -> Vec<Remark> {
    let unchanged = counted(changes.unchanged, "node");
    let mut remarks = vec![Remark::new("unchanged", unchanged)];
    remarks.extend(Remark::about("new", Some(&changes.new)));
    remarks.extend(Remark::about("gone", Some(&changes.gone)));
    remarks.extend(unread("not read of the earlier runs", &changes.unread));
    remarks
}

/// Returns the number of files by reason, and the reasons of the first ones.
fn unread(label: &'static str, unread: &Unread) -> Option<Remark> {
    if unread.count == 0 {
        return None;
    }
    let kinds: Vec<String> = unread
        .kinds
        .iter()
        .map(|count| format!("{} {}", count.files, unread_kind(count.kind)))
        .collect();
    let mut texts = vec![kinds.join(", ")];
    let named = unread.named.iter().take(MOST_NAMED);
    texts.extend(named.map(|file| file.because.clone()));
    let more = unread.count.saturating_sub(MOST_NAMED);
    if more > 0 {
        texts.push(format!("and {}", counted(more, "more file")));
    }
    Some(Remark { label, texts })
}

/// Returns the values of one fact, if not all nodes have the same.
fn differing(counts: &[FactCount]) -> Option<String> {
    let [first, _, ..] = counts else {
        return None;
    };
    let values = counts.iter().map(|c| (c.value.clone(), c.nodes));
    Some(format!("{}: {}", fact_name(first.fact), shares(values)))
}

/// The maximum number of files that are named because they were not read.
const MOST_NAMED: usize = 6;
