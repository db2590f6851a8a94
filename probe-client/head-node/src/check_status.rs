//! The status of a check of the head node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of a check.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    Pass,
    /// The set-up may work, and somebody should look at it.
    Warn,
    /// The set-up does not meet the requirement.
    Fail,
    /// The check could not be made, or does not apply.
    Skipped,
}

impl CheckStatus {
    /// Returns the status's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}
