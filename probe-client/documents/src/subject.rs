//! The part of a run that is compared with the same part of another run.

use probe_core::profile::{AddressFamily, RuleId};
use serde::Serialize;

use crate::answered_probe::AnsweredProbe;

/// A rule over a path to the addresses of one family.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Subject {
    pub rule: RuleId,
    /// The path: `direct`, or the proxy's URL.
    pub path: String,
    /// The version of IP; `None` if only a proxy knows the server's address, or if its name was never resolved.
    pub family: Option<AddressFamily>,
}

impl Subject {
    /// Returns the subject of `probe`.
    pub(crate) fn of(probe: &impl AnsweredProbe) -> Self {
        let server = probe.address().map(|address| address.ip());
        Self {
            rule: probe.rule().id.clone(),
            path: probe.path().to_string(),
            family: server.map(AddressFamily::of),
        }
    }
}
