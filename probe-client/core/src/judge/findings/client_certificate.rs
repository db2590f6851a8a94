//! `client-certificate-lost`: mutual TLS does not survive a device that ends TLS on the way, because that device does
//! not have the client's key.

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    let offered = evidence.probe.client_certificate.as_deref()?;
    let arrived = testimony(evidence.probe)?
        .tls
        .as_ref()
        .and_then(|tls| tls.client_certificate_sha256.as_ref())
        .map(ToString::to_string);
    let claim = match arrived.as_deref() {
        Some(arrived) if arrived == offered => return None,
        Some(_) => "a client certificate other than this side's reached the server",
        None => "this side's client certificate did not reach the server",
    };
    let arrived = arrived.unwrap_or_else(|| "none".to_owned());
    let finding = Finding::new(FindingId::ClientCertificateLost, claim);
    Some(finding.with_detail(format!("presented sha256:{offered}, arrived {arrived}")))
}
