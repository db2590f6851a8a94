//! The status of a check of the head node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of a check.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    Pass,
    /// It may work, and somebody should look at it.
    Warn,
    /// It does not fulfil what is required.
    Fail,
    /// It could not be made, or does not apply.
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
