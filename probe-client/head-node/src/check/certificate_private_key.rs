//! `certificate-private-key`: the private key is present, and belongs to this certificate.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;

use super::Certificate;
use crate::certificate::PrivateKey;

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificatePrivateKey;
    match &certificate.bundle.key {
        PrivateKey::Matches => Check::new(
            id,
            CheckStatus::Pass,
            "the private key is in the file, and is that of the certificate",
        ),
        PrivateKey::Absent => Check::new(
            id,
            CheckStatus::Warn,
            "there is no private key in the file: enough for the Azure subscription, not for the \
             head node",
        )
        .next("Import the .pfx with the private key on the head node, and check that file."),
        PrivateKey::Foreign => Check::new(
            id,
            CheckStatus::Fail,
            "the private key in the file is not that of its certificate",
        )
        .next("Export certificate and key again, together, from the store in which both are."),
        PrivateKey::Several { keys, matching } => Check::new(
            id,
            if *matching == 0 {
                CheckStatus::Fail
            } else {
                CheckStatus::Warn
            },
            format!(
                "there are {keys} private keys in the file, {matching} of them with a \
                     certificate"
            ),
        )
        .next(
            "Export the one management certificate alone, so that nothing can choose the wrong \
               one.",
        ),
        PrivateKey::NotOpened(why) => Check::new(
            id,
            CheckStatus::Fail,
            format!("there is a private key in the file, and it cannot be opened: {why}"),
        )
        .next("Check the password, or export certificate and key again, together."),
        PrivateKey::NotCompared(why) => Check::new(
            id,
            CheckStatus::Skipped,
            format!("there is a private key, which could not be compared: {why}"),
        ),
    }
}
