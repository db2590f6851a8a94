//! Every verdict and finding that a report can contain, each with a stable id, one row and one page.

mod finding;
mod markdown;
mod placeholder;
mod table;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use finding::{FindingEntry, FindingId, UnknownFindingId};
pub use markdown::{SEE_ALSO, append_page, markdown, see_also};
pub use placeholder::{PLACEHOLDERS, Placeholder};
pub use verdict::{UnknownVerdictId, VerdictClass, VerdictEntry, VerdictId};

/// How much a verdict or finding matters to traffic that is meant to pass. The verdict's confidence says how certain it
/// is.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good, or good to know.
    Info,
    /// The port works today, or is not decided, and somebody should look at it.
    Warning,
    /// The workload will not work like this.
    Error,
}

impl Severity {
    /// Returns the severity's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Returns the page of a verdict or finding, as Markdown of at most 78 columns; `None` for an unknown id.
///
/// Verdicts, findings and the checks of a head node never share an id.
pub fn page(id: &str) -> Option<&'static str> {
    if let Ok(id) = id.parse::<VerdictId>() {
        return Some(id.entry().page);
    }
    let finding: FindingId = id.parse().ok()?;
    Some(finding.entry().page)
}

/// Returns the headline of a verdict or finding; `None` for an unknown id.
pub fn title(id: &str) -> Option<&'static str> {
    if let Ok(id) = id.parse::<VerdictId>() {
        return Some(id.entry().title);
    }
    let finding: FindingId = id.parse().ok()?;
    Some(finding.entry().title)
}

#[cfg(test)]
mod tests;
