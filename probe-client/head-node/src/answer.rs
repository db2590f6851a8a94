//! The answer to one question about the head node, as the run document contains it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use probe_core::excerpt::without_error_numbers;
use probe_core::profile::Sourcing;

use crate::catalogue::CheckId;
pub use crate::check_status::CheckStatus;

/// The answer to one check of the head node.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    pub id: CheckId,
    pub status: CheckStatus,
    /// The certificate file that the answer is about, where there may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// One or two sentences with the values of this very head node; for a skipped check, the reason.
    pub text: String,
    /// What the user can do about the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// The files, registry keys or options that the values come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// The source that says that the check matters.
    pub source: String,
    /// How well founded the source, or a fact behind this answer, is.
    pub sourcing: Sourcing,
    /// The command that prints the documentation of the check: `fwprobe explain ID`.
    pub page: String,
}

impl Check {
    /// Returns an answer with the source, sourcing and page of its check from the catalogue. Every text about a head
    /// node is made here, so this is the one place that removes the operating system's error numbers.
    pub fn new(id: CheckId, status: CheckStatus, text: impl Into<String>) -> Self {
        let entry = id.entry();
        Self {
            id,
            status,
            about: None,
            text: without_error_numbers(&text.into()),
            next_step: None,
            origins: Vec::new(),
            source: entry.source.to_owned(),
            sourcing: entry.sourcing,
            page: id.anchor(),
        }
    }

    /// Adds the next step for the user.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    /// Lowers how well founded the answer is to `sourcing`, that of a fact on which the answer rests.
    #[must_use]
    pub fn resting_on(mut self, sourcing: Sourcing) -> Self {
        if self.sourcing == Sourcing::Verified {
            self.sourcing = sourcing;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_contains_no_error_number() {
        let unreadable = "hpc.reg: No such file or directory (os error 2)";
        let check = Check::new(CheckId::Sources, CheckStatus::Fail, unreadable);
        assert_eq!(check.text, "hpc.reg: No such file or directory");
    }
}
