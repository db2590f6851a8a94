//! Checks of the head node: pure questions to a [`HeadNode`], one file each. The time is an argument.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::CheckId;
pub use crate::check_status::CheckStatus;
use crate::head_node::{CertificateContents, HeadNode, Origin, Reading};
use crate::profile::Sourcing;

mod certificate_chain;
mod certificate_file;
mod certificate_form;
mod certificate_issuer;
mod certificate_key;
mod certificate_private_key;
mod certificate_signature;
mod certificate_stores;
mod certificate_thumbprint;
mod certificate_usage;
mod certificate_validity;
mod clock;
mod default_route;
mod file_staging_calls;
mod head_node_role;
mod hpc_pack;
mod name_resolution;
mod nettcp_over_443;
mod network_topology;
mod node_type;
mod ports_mode;
mod proxy_settings;
mod report;
mod service_pack;
mod sources;
mod use_sp2_azure_ports;

pub use report::{CHECK_DOCUMENT, CheckDocument, CheckSummary};

use crate::head_node::certificate::Bundle;

/// One answer.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Check {
    pub id: CheckId,
    pub status: CheckStatus,
    /// The certificate file that it is about, where there may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// One or two sentences with the values of this very head node; of a skipped one, why.
    pub text: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// Where the values come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    /// Who says that it matters.
    pub source: String,
    /// How well that, or a fact behind this answer, is founded.
    pub sourcing: Sourcing,
    /// Where the documentation explains it: `fwprobe explain ID`.
    pub page: String,
}

/// Returns the answers of all checks: first about the head node, then about each certificate file.
pub fn checks(node: &HeadNode, now: Timestamp) -> Vec<Check> {
    let mut all: Vec<Check> = ABOUT_THE_NODE.iter().map(|ask| ask(node)).collect();
    if node.certificates.is_empty() {
        all.push(certificate_file::none_given());
    }
    for file in &node.certificates {
        all.push(certificate_file::ask(file));
        if let CertificateContents::Read(bundle) = &file.contents {
            let certificate = Certificate { bundle, node };
            let answers = ABOUT_A_CERTIFICATE.iter().map(|ask| ask(&certificate, now));
            all.extend(answers.map(|check| Check {
                about: Some(file.file.clone()),
                ..check
            }));
        }
    }
    all
}

/// Returns the answers for a run's report, without the checks that were skipped for want of information.
pub fn checks_of_run(node: &HeadNode, now: Timestamp) -> Vec<Check> {
    let mut all = checks(node, now);
    all.retain(|check| check.status != CheckStatus::Skipped);
    all
}

impl Check {
    fn new(id: CheckId, status: CheckStatus, text: impl Into<String>) -> Self {
        let entry = id.entry();
        Self {
            id,
            status,
            about: None,
            text: text.into(),
            next_step: None,
            origins: Vec::new(),
            source: entry.source.to_owned(),
            sourcing: entry.sourcing,
            page: id.anchor(),
        }
    }

    fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    fn from<T>(mut self, reading: &Reading<T>) -> Self {
        let origin = reading.origin().map(Origin::to_string);
        let new = origin.filter(|o| !self.origins.contains(o));
        self.origins.extend(new);
        self
    }

    /// Limits how well founded the answer is to that of a fact on which it rests.
    fn resting_on(mut self, sourcing: Sourcing) -> Self {
        if self.sourcing == Sourcing::Verified {
            self.sourcing = sourcing;
        }
        self
    }
}

/// The contents of a certificate file, and the head node for which it is meant.
#[derive(Clone, Copy, Debug)]
struct Certificate<'a> {
    bundle: &'a Bundle,
    node: &'a HeadNode,
}

/// The checks of the head node itself, in the order of the report.
const ABOUT_THE_NODE: &[fn(&HeadNode) -> Check] = &[
    sources::ask,
    hpc_pack::ask,
    head_node_role::ask,
    service_pack::ask,
    node_type::ask,
    ports_mode::ask,
    use_sp2_azure_ports::ask,
    file_staging_calls::ask,
    nettcp_over_443::ask,
    network_topology::ask,
    proxy_settings::ask,
    default_route::ask,
    name_resolution::ask,
    clock::ask,
];

const ABOUT_A_CERTIFICATE: &[fn(&Certificate<'_>, Timestamp) -> Check] = &[
    certificate_form::ask,
    certificate_key::ask,
    certificate_private_key::ask,
    certificate_validity::ask,
    certificate_signature::ask,
    certificate_usage::ask,
    certificate_thumbprint::ask,
    certificate_issuer::ask,
    certificate_chain::ask,
    certificate_stores::ask,
];
