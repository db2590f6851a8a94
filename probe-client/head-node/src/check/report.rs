//! The output of `fwprobe check`: the answers, the advice that goes with the ports, and the exit code.

use crate::answer::{Check, CheckStatus};
use jiff::Timestamp;
use probe_core::profile::{Note, Profile, ProfileId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checks;
use crate::HeadNode;

/// The document `fwprobe.check/1`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CheckDocument {
    /// The format: `fwprobe.check/1`.
    pub document: String,
    /// The time of the checks: RFC 3339, UTC.
    pub made: String,
    /// The version of fwprobe.
    pub version: String,
    pub checks: Vec<Check>,
    /// The ports that this head node uses; absent where too little is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// Facts that users of that profile should know: costs, restarts, devices.
    pub notes: Vec<Note>,
    pub summary: CheckSummary,
}

/// The number of answers by status.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct CheckSummary {
    pub pass: usize,
    pub warn: usize,
    pub fail: usize,
    pub skipped: usize,
    /// The exit code: 1 where a check failed, else 0.
    pub exit_code: u8,
}

impl CheckDocument {
    pub fn new(node: &HeadNode, now: Timestamp, version: &str) -> Self {
        let checks = checks(node, now);
        let mode = node.ports_mode().ok();
        let profile = mode.and_then(|mode| Profile::lookup(mode.profile).ok());
        Self {
            document: CHECK_DOCUMENT.to_owned(),
            made: now.to_string(),
            version: version.to_owned(),
            summary: CheckSummary::of(&checks),
            checks,
            profile: profile.map(|p| p.id.clone()),
            notes: profile.map_or_else(Vec::new, |p| p.notes.clone()),
        }
    }
}

impl CheckSummary {
    pub fn of(checks: &[Check]) -> Self {
        let count = |status| checks.iter().filter(|c| c.status == status).count();
        let fail = count(CheckStatus::Fail);
        Self {
            pass: count(CheckStatus::Pass),
            warn: count(CheckStatus::Warn),
            fail,
            skipped: count(CheckStatus::Skipped),
            exit_code: u8::from(fail > 0),
        }
    }
}

/// The value of [`CheckDocument::document`].
pub const CHECK_DOCUMENT: &str = "fwprobe.check/1";
