//! The merge document, `fwprobe.merge/1`: what the runs of many nodes say together.

use std::fmt;
use std::net::IpAddr;

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::plan::Silence;
use probe_core::profile::{AddressFamily, Expectation, RuleId};
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;
use schemars::JsonSchema;
use serde::Serialize;

use crate::diff::{ChangeKind, FactKind};

/// The answer of many nodes.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct MergeDocument {
    /// The name of the format: `fwprobe.merge/1`.
    pub document: &'static str,
    /// The nodes with the same answer: failures first, then undecided ones; among them, the smallest group first.
    pub groups: Vec<Group>,
    /// The rules against the first 64 groups.
    pub matrix: Vec<MatrixRow>,
    /// The addresses under which the server saw the nodes. The cloud side must allow these.
    pub egress: Vec<EgressCount>,
    /// Versions and settings, each with the number of nodes that state it.
    pub versions: Vec<FactCount>,
    /// The nodes about which something is undecided, or whose run was interrupted.
    pub undecided: Nodes,
    /// The nodes that were expected and have no run. Absent: the user did not say which nodes to expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Nodes>,
    /// The nodes that have a run and were not expected. Absent: the user did not say which nodes to expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unexpected: Option<Nodes>,
    /// The runs that do not count, because the same node has a newer one.
    pub duplicates: Duplicates,
    pub unread: Unread,
    /// What changed since earlier runs of the nodes. Absent: the user named no earlier runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    pub summary: MergeSummary,
}

/// A number of nodes with their names.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Nodes {
    pub count: usize,
    /// The names in the short form: `n[001-097,099]` stands for 98 names.
    pub names: Vec<String>,
}

/// The nodes with one answer.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Group {
    pub nodes: Nodes,
    /// The outcome that needs the most attention.
    pub outcome: Outcome,
    /// True: these runs were interrupted, and some probes were not finished.
    pub interrupted: bool,
    /// The file with the run of the first node.
    pub example: String,
    pub rows: Vec<GroupRow>,
    /// The rules that these nodes did not test.
    pub skipped: Vec<RuleId>,
}

/// A rule over a path to the addresses of one family.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Question {
    pub rule: RuleId,
    /// The path: `direct`, or the proxy's URL.
    pub path: String,
    /// The version of IP; `null` if only a proxy knows the server's address, or if its name was never resolved.
    pub family: Option<AddressFamily>,
    /// The deliberate silence in the session. Absent: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    pub port: u16,
    pub session: SessionKind,
}

/// The answer of a group to one question.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct GroupRow {
    #[serde(flatten)]
    pub question: Question,
    pub expect: Expectation,
    pub outcome: Outcome,
    pub verdict: VerdictId,
    pub place: Place,
    /// The devices that the verdicts name, the most frequent one first.
    pub devices: Vec<DeviceCount>,
}

/// The part of the path that a verdict blames, without the hop.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// No part: there is nothing to blame.
    None,
    ThisHost,
    NearNetwork,
    Path,
    CloudEdge,
    ServerHost,
    Proxy,
    Unknown,
}

/// A device on the path, as a verdict names it. At least one of the fields is present.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Device {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
}

/// The number of nodes that blame one device.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct DeviceCount {
    #[serde(flatten)]
    pub device: Device,
    pub nodes: usize,
}

/// One question with the answers of the first groups.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct MatrixRow {
    #[serde(flatten)]
    pub question: Question,
    /// One cell per group, in the order of the groups; `null` if the group did not test the rule.
    pub cells: Vec<Option<MatrixCell>>,
}

/// The answer of one group, without the place.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MatrixCell {
    pub outcome: Outcome,
    pub verdict: VerdictId,
}

/// The number of nodes that have one address at the server.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct EgressCount {
    pub path: String,
    pub address: IpAddr,
    pub nodes: usize,
}

/// The number of nodes that state one fact.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FactCount {
    pub fact: FactKind,
    pub value: String,
    pub nodes: usize,
}

/// Runs that do not count.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Duplicates {
    pub runs: usize,
    /// The nodes with more than one run.
    pub nodes: Nodes,
}

/// Files, and lines of files, that are not runs or could not be read.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Unread {
    pub count: usize,
    pub kinds: Vec<UnreadCount>,
    /// The first 50 of them.
    pub named: Vec<UnreadFile>,
}

/// The number of files that were not read for one reason.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct UnreadCount {
    pub kind: UnreadKind,
    pub files: usize,
}

/// One file that was not read.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct UnreadFile {
    /// The file; for a file with one run per line, also the line.
    pub source: String,
    pub kind: UnreadKind,
    /// The reason in one sentence, which names the file.
    pub because: String,
}

/// The kinds of reasons for which a file does not count.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadKind {
    /// The file is empty, or ends in the middle of a document.
    CutOff,
    /// The file is not a run document of fwprobe.
    Foreign,
    /// The file is a run document in the format of a different version.
    OtherVersion,
    /// The document has a mistake in it, or contradicts itself.
    Damaged,
    /// The operating system could not read the file, or it is not text, or too large.
    Unreadable,
    /// There are already the maximum number of nodes or answers.
    TooMany,
}

/// What changed since earlier runs of the nodes.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct Changes {
    /// The nodes with the same changes: the most urgent change first; among equal ones, the smallest group first.
    pub groups: Vec<ChangedNodes>,
    /// The number of nodes with a run at both times of which no rule changed.
    pub unchanged: usize,
    /// The nodes that have a run now and had none before.
    pub new: Nodes,
    /// The nodes that had a run before and have none now.
    pub gone: Nodes,
    /// The files of the earlier time that are not runs or could not be read.
    pub unread: Unread,
}

/// The nodes with the same changes.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct ChangedNodes {
    pub nodes: Nodes,
    pub rows: Vec<RowChange>,
}

/// The change of the answer to one question.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub struct RowChange {
    #[serde(flatten)]
    pub question: Question,
    pub change: ChangeKind,
    /// The earlier answer. Absent: the earlier runs have no such test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<NodeAnswer>,
    /// The later answer. Absent: the later runs have no such test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<NodeAnswer>,
}

/// The answer of some nodes to one question.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, PartialEq, Serialize)]
pub struct NodeAnswer {
    pub outcome: Outcome,
    pub verdict: VerdictId,
    pub place: Place,
}

/// The numbers of nodes, and the exit code.
#[derive(Clone, Copy, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MergeSummary {
    pub nodes: usize,
    pub as_expected: usize,
    pub not_as_expected: usize,
    pub undecided: usize,
    pub missing: usize,
    pub unread: usize,
    /// The exit code of fwprobe: 0, 1 or 3.
    pub exit_code: u8,
}

impl Place {
    pub(super) const fn of(segment: &Segment) -> Self {
        match segment {
            Segment::None => Self::None,
            Segment::ThisHost => Self::ThisHost,
            Segment::NearNetwork => Self::NearNetwork,
            Segment::Path { .. } => Self::Path,
            Segment::CloudEdge => Self::CloudEdge,
            Segment::ServerHost => Self::ServerHost,
            Segment::Proxy => Self::Proxy,
            Segment::Unknown => Self::Unknown,
        }
    }

    /// Returns the segment without a hop.
    pub(super) const fn segment(self) -> Segment {
        match self {
            Self::None => Segment::None,
            Self::ThisHost => Segment::ThisHost,
            Self::NearNetwork => Segment::NearNetwork,
            Self::Path => Segment::Path {
                hop: None,
                address: None,
            },
            Self::CloudEdge => Segment::CloudEdge,
            Self::ServerHost => Segment::ServerHost,
            Self::Proxy => Segment::Proxy,
            Self::Unknown => Segment::Unknown,
        }
    }

    /// Returns the place's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ThisHost => "this-host",
            Self::NearNetwork => "near-network",
            Self::Path => "path",
            Self::CloudEdge => "cloud-edge",
            Self::ServerHost => "server-host",
            Self::Proxy => "proxy",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.hop, self.address) {
            (Some(hop), Some(address)) => write!(f, "hop {hop} {address}"),
            (Some(hop), None) => write!(f, "hop {hop}"),
            (None, Some(address)) => write!(f, "{address}"),
            (None, None) => Ok(()),
        }
    }
}

impl Unread {
    /// Counts one file, and names it if there is room.
    pub(super) fn add(&mut self, source: &str, kind: UnreadKind, because: String) {
        self.count += 1;
        match self.kinds.iter_mut().find(|known| known.kind == kind) {
            Some(known) => known.files += 1,
            None => {
                self.kinds.push(UnreadCount { kind, files: 1 });
                self.kinds.sort_by_key(|count| count.kind);
            }
        }
        if self.named.len() < MOST_NAMED {
            self.named.push(UnreadFile {
                source: source.to_owned(),
                kind,
                because,
            });
        }
    }
}

/// The value of [`MergeDocument::document`].
pub(super) const DOCUMENT: &str = "fwprobe.merge/1";
/// The maximum number of files that are named because they were not read.
const MOST_NAMED: usize = 50;
/// The greatest length of the reason why a file was not read, in characters.
pub(super) const MAX_BECAUSE: usize = 600;
