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

/// A property of the whole way that changes no verdict.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Condition {
    pub(super) name: String,
    /// Noted of every port that works.
    #[serde(default)]
    pub(super) findings: Vec<FindingId>,
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

impl Parts {
    /// # Errors
    /// The file cannot be read, or is no list of parts.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}
