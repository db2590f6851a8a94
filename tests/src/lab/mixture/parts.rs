//! The parts of mixtures, as the file of parts lists them.

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

/// A fault that is put on ports, and the right verdict about these ports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Fault {
    pub(super) name: String,
    /// The ports that the fault can be put on; if empty, all ports of the profile.
    #[serde(default)]
    pub(super) ports: Vec<u16>,
    #[serde(default)]
    pub(super) families: Reach,
    pub(super) verdict: VerdictId,
    #[serde(default)]
    pub(super) or: Vec<VerdictId>,
    #[serde(default)]
    pub(super) at: Option<String>,
    /// The right verdicts through the proxy; if empty, `reachable`.
    #[serde(default)]
    pub(super) proxied: Vec<VerdictId>,
    /// Names of conditions under which the fault has no effect.
    #[serde(default)]
    pub(super) lifted_by: Vec<String>,
    /// Names of conditions under which neither end can tell what the fault is.
    #[serde(default)]
    pub(super) blurred_by: Vec<String>,
    /// Verdicts that are also right if another part stops some of the connections ([`Influence::failing`]), because
    /// other sessions then prove nothing.
    #[serde(default)]
    pub(super) weaker: Vec<VerdictId>,
    /// Findings that its ports always have.
    #[serde(default)]
    pub(super) findings: Vec<FindingId>,
    /// Findings that its ports may have.
    #[serde(default)]
    pub(super) perhaps: Vec<FindingId>,
    #[serde(default)]
    pub(super) run: Influence,
    pub(super) changes: Table,
}

/// Which families of a run over both are affected by a fault.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reach {
    #[default]
    One,
    Both,
    /// The fault is never used in a run over both families.
    Single,
}

/// The effect of a part on the rest of the run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Influence {
    /// Findings that any port may have.
    pub(super) notes: Vec<FindingId>,
    /// Verdicts that are also right about a port that works, as well as `reachable`.
    pub(super) open: Vec<VerdictId>,
    /// Verdicts that are also right about a port with another fault, as well as that fault's own. The segment is then
    /// not checked.
    pub(super) failing: Vec<VerdictId>,
    /// Whether this part hides where other faults are, so that their segments are not checked.
    pub(super) hides_places: bool,
}

/// A property of the whole way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Condition {
    pub(super) name: String,
    /// Findings that every port that works has.
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
    /// Adds the effect of another part.
    pub(super) fn add(&mut self, other: &Self) {
        self.notes.extend(&other.notes);
        self.open.extend(&other.open);
        self.failing.extend(&other.failing);
        self.hides_places |= other.hides_places;
    }
}

impl Parts {
    /// Reads the list of parts.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is not a list of parts.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}
