//! One row per check of the head node.

use head_node::answer::{Check, CheckStatus};
use serde::Serialize;

/// The answer of one check.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CheckRow {
    /// The check's id.
    pub id: &'static str,
    pub title: &'static str,
    pub status: CheckStatus,
    /// The certificate file that the check is about.
    pub about: Option<String>,
    pub text: String,
    pub next_step: Option<String>,
    /// The origins of the values; empty for a skipped check.
    pub origins: Vec<String>,
    /// A note that the answer is not confirmed, or that the requirement behind it is not.
    pub caveat: Option<&'static str>,
    /// The source that says that the check matters.
    pub source: String,
}

impl CheckRow {
    pub(crate) fn of(check: &Check) -> Self {
        let entry = check.id.entry();
        let skipped = check.status == CheckStatus::Skipped;
        // A passed check states a value that was seen, so its sourcing matters only if the answer differs from the
        // catalogue.
        let own = check.status != CheckStatus::Pass || check.sourcing != entry.sourcing;
        Self {
            id: check.id.name(),
            title: entry.title,
            status: check.status,
            about: check.about.clone(),
            text: check.text.clone(),
            next_step: check.next_step.clone(),
            origins: if skipped {
                Vec::new()
            } else {
                check.origins.clone()
            },
            caveat: check.sourcing.caveat().filter(|_| own && !skipped),
            source: check.source.clone(),
        }
    }
}
