//! Runs that ask the same questions: those of one node, one profile and the same servers.

use probe_core::profile::ProfileId;
use serde::Serialize;

use crate::RunDocument;

/// The node, the profile and the servers. Runs that have these three in common are compared with one another.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Series {
    /// The node's name: the host's own, unless a label names the node.
    pub host: Option<String>,
    pub profile: Option<ProfileId>,
    pub servers: Vec<String>,
}

impl Series {
    /// Returns the series that `document` belongs to.
    pub fn of(document: &RunDocument) -> Self {
        Self {
            host: document.host.node().map(str::to_owned),
            profile: document.run.profile.clone(),
            servers: document.server.hosts.clone(),
        }
    }
}
