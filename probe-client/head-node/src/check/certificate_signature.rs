//! `certificate-signature`: the algorithm with which the certificate is signed.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;

use super::Certificate;
use crate::certificate::Signature;

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateSignature;
    match &certificate.bundle.leaf.signature {
        Signature::Sound(name) => Check::new(
            id,
            CheckStatus::Pass,
            format!(
                "it is signed with \
                                                  {name}"
            ),
        ),
        Signature::Sha1(name) => Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "it is signed with {name}; SHA-1 was usual in 2011 and is refused by many today. \
                 The SHA-1 thumbprint is something else, and not a weakness"
            ),
        )
        .next("Issue the next one with SHA-256."),
        Signature::Broken(name) => Check::new(
            id,
            CheckStatus::Fail,
            format!("it is signed with {name}, which can be forged"),
        )
        .next("Issue a new one with SHA-256."),
        Signature::Unknown(oid) => Check::new(
            id,
            CheckStatus::Warn,
            format!("it is signed with the algorithm {oid}, which fwprobe does not know"),
        )
        .next("Find out whether Windows and Azure accept this algorithm."),
    }
}
