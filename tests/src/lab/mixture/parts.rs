//! The parts of mixtures as their file has them.

use std::path::Path;

use anyhow::Context as _;
use probe_core::catalogue::{FindingId, VerdictId};
use serde::Deserialize;
use toml::Table;

/// Everything that mixtures are drawn from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parts {
    #[serde(rename = "fault")]
    pub(super) faults: Vec<Fault>,
    #[serde(rename = "condition")]
    pub(super) conditions: Vec<Condition>,
    pub(super) proxy: Proxy,
}

/// Something that is put on ports, and what is right about them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Fault {
    pub(super) name: String,
    /// Empty: all ports of the profile.
    #[serde(default)]
    pub(super) ports: Vec<u16>,
    #[serde(default)]
    pub(super) families: Reach,
    pub(super) verdict: VerdictId,
    #[serde(default)]
    pub(super) or: Vec<VerdictId>,
    #[serde(default)]
    pub(super) at: Option<String>,
    /// Empty: reachable.
    #[serde(default)]
    pub(super) proxied: Vec<VerdictId>,
    /// Names of conditions.
    #[serde(default)]
    pub(super) lifted_by: Vec<String>,
    /// Names of conditions under which nobody at either end can tell what it is.
    #[serde(default)]
    pub(super) blurred_by: Vec<String>,
    /// As right where not every connection passes, so that sessions beside its own show nothing.
    #[serde(default)]
    pub(super) weaker: Vec<VerdictId>,
    /// Noted of its ports, each time.
    #[serde(default)]
    pub(super) findings: Vec<FindingId>,
    /// Noted of its ports, or not.
    #[serde(default)]
    pub(super) perhaps: Vec<FindingId>,
    #[serde(default)]
    pub(super) run: Influence,
    pub(super) changes: Table,
}

/// Which families of a run over both a fault affects.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reach {
    #[default]
    One,
    Both,
    /// It is never put in the way of such a run.
    Single,
}

/// What a part does to the rest of its run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Influence {
    /// Noted of any port, or not.
    pub(super) notes: Vec<FindingId>,
    /// As right as `reachable`, about a port that works.
    pub(super) open: Vec<VerdictId>,
    /// As right as its own verdict, about a port that another fault is on; its place is open then.
    pub(super) failing: Vec<VerdictId>,
    /// The place of any other fault is open.
    pub(super) hides_places: bool,
}

/// A property of the whole way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Condition {
    pub(super) name: String,
    /// Noted of every port that works.
    #[serde(default)]
    pub(super) findings: Vec<FindingId>,
    #[serde(default)]
    pub(super) run: Influence,
    pub(super) changes: Table,
}

/// The second path of a run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Proxy {
    pub(super) path: String,
    pub(super) flags: Vec<String>,
    /// Findings that a run over two paths may have.
    pub(super) notes: Vec<FindingId>,
    pub(super) changes: Table,
}

impl Influence {
    /// Adds what another part does.
    pub(super) fn add(&mut self, other: &Self) {
        self.notes.extend(&other.notes);
        self.open.extend(&other.open);
        self.failing.extend(&other.failing);
        self.hides_places |= other.hides_places;
    }
}

impl Parts {
    /// # Errors
    /// The file cannot be read, or is no list of parts.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}
