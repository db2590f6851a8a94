//! Checks of the head node: pure questions to a [`HeadNode`], one file each. The time is an argument.

use crate::answer::{Check, CheckStatus};
use jiff::Timestamp;

use crate::certificate::Bundle;
use crate::{CertificateContents, HeadNode, Origin, Reading};

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

/// Returns the answers for a run's report, without the checks that were skipped.
pub fn checks_of_run(node: &HeadNode, now: Timestamp) -> Vec<Check> {
    let mut all = checks(node, now);
    all.retain(|check| check.status != CheckStatus::Skipped);
    all
}

/// An answer that names the origins of its values.
trait WithOrigin {
    /// Adds the place where `reading` was found.
    fn from<T>(self, reading: &Reading<T>) -> Self;
}

impl WithOrigin for Check {
    fn from<T>(mut self, reading: &Reading<T>) -> Self {
        let origin = reading.origin().map(Origin::to_string);
        let new = origin.filter(|o| !self.origins.contains(o));
        self.origins.extend(new);
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
