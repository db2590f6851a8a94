//! `certificate-usage`: key usage and extended key usage, if present, allow a TLS client.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;

use super::Certificate;

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateUsage;
    let leaf = &certificate.bundle.leaf;
    let mut lacking = Vec::new();
    if let Some(usage) = &leaf.key_usage
        && !usage.iter().any(|u| u == "digitalSignature")
    {
        lacking.push(format!(
            "its key usage is {}, without digitalSignature",
            listed(usage)
        ));
    }
    if let Some(usage) = &leaf.extended_key_usage
        && !usage.iter().any(|u| u == "clientAuth" || u == "any")
    {
        lacking.push(format!(
            "its extended key usage is {}, without clientAuth",
            listed(usage)
        ));
    }
    if lacking.is_empty() {
        return Check::new(
            id,
            CheckStatus::Pass,
            "its usage is open, or allows TLS clients",
        );
    }
    Check::new(id, CheckStatus::Warn, lacking.join("; ")).next(
        "Issue one with key usage digitalSignature and keyEncipherment, and extended key \
               usage clientAuth or none.",
    )
}

fn listed(usage: &[String]) -> String {
    if usage.is_empty() {
        "empty".to_owned()
    } else {
        usage.join(", ")
    }
}
