//! `certificate-issuer`: self-signed, issued, or the one that HPC Pack makes for testing.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;
use probe_core::profile::Sourcing;

use super::Certificate;

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateIssuer;
    let leaf = &certificate.bundle.leaf;
    if DEFAULT_NAMES.iter().any(|name| leaf.subject.contains(name)) {
        return Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "{} is the certificate that HPC Pack makes itself, which is for testing only",
                leaf.subject
            ),
        )
        .next("For production, use a certificate of your own, from an authority or self-signed.")
        .resting_on(Sourcing::FromMemory);
    }
    if leaf.is_self_issued() {
        return Check::new(
            id,
            CheckStatus::Pass,
            "it names itself as its issuer: self-signed, which is allowed; it then belongs in \
             LocalMachine\\Root too",
        );
    }
    Check::new(
        id,
        CheckStatus::Pass,
        format!("it was issued by {}", leaf.issuer),
    )
}

/// The names of HPC Pack's test certificate. The subject is not confirmed; the portal shows the second form.
const DEFAULT_NAMES: [&str; 2] = [
    "Default Microsoft HPC Azure Management",
    "Default HPC Azure Management",
];
