//! `certificate-thumbprint`: the thumbprint entered into the cluster, and whether it belongs to this certificate.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;

use super::{Certificate, WithOrigin as _};

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateThumbprint;
    let own = &certificate.bundle.leaf.thumbprint;
    let Some(typed) = certificate.node.thumbprint.value() else {
        return Check::new(id, CheckStatus::Pass, format!("enter it as {own}"));
    };
    let digits: String = typed
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    let check = if digits != *own {
        Check::new(
            id,
            CheckStatus::Fail,
            format!("the thumbprint given is that of another certificate; this one's is {own}"),
        )
    } else if typed.len() != own.len() {
        Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "the thumbprint given is this certificate's, with spaces or invisible characters \
                 between; enter it as {own}"
            ),
        )
    } else {
        let text = format!("the thumbprint given is this certificate's: {own}");
        Check::new(id, CheckStatus::Pass, text)
    };
    check.from(&certificate.node.thumbprint)
}
