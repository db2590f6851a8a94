//! `certificate-form`: X.509 version 3, and not the certificate of an authority.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;
use probe_core::profile::Sourcing;

use super::Certificate;

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateForm;
    let leaf = &certificate.bundle.leaf;
    if leaf.version != 3 {
        return Check::new(
            id,
            CheckStatus::Fail,
            format!(
                "it is X.509 version {}, and Azure takes version 3",
                leaf.version
            ),
        )
        .next("Issue a new certificate; every tool of today makes version 3.");
    }
    if leaf.is_authority {
        return Check::new(
            id,
            CheckStatus::Warn,
            "it is X.509 version 3, and marked as a certificate authority: the holder of its key \
             can issue more",
        )
        .next(
            "Use a certificate of its own for the subscription, with CA:FALSE or without basic \
               constraints.",
        )
        .resting_on(Sourcing::FromMemory);
    }
    Check::new(
        id,
        CheckStatus::Pass,
        "it is X.509 version 3, and not an authority's",
    )
}
