//! Runs that ask the same questions: those of one host, one profile and the same servers.

use probe_core::profile::ProfileId;
use serde::Serialize;

use crate::RunDocument;

/// The host, the profile and the servers. Runs that have these three in common are compared with one another.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Series {
    pub host: Option<String>,
    pub profile: Option<ProfileId>,
    pub servers: Vec<String>,
}

impl Series {
    /// Returns the series that `document` belongs to.
    pub fn of(document: &RunDocument) -> Self {
        Self {
            host: document.host.name.clone(),
            profile: document.run.profile.clone(),
            servers: document.server.hosts.clone(),
        }
    }
}
