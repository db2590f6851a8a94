//! `certificate-key`: RSA of 2048 bits or more.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;
use probe_core::profile::Sourcing;

use super::Certificate;

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateKey;
    let leaf = &certificate.bundle.leaf;
    match (leaf.key_algorithm.as_str(), leaf.key_bits) {
        ("RSA", Some(bits)) if bits >= LEAST_BITS => Check::new(
            id,
            CheckStatus::Pass,
            format!("the key is RSA of {bits} bits"),
        ),
        ("RSA", Some(bits)) => Check::new(
            id,
            CheckStatus::Fail,
            format!("the key is RSA of {bits} bits, and {LEAST_BITS} or more are required"),
        )
        .next(RENEW),
        ("RSA", None) => Check::new(
            id,
            CheckStatus::Fail,
            "the key is marked as RSA and cannot be read as an RSA key",
        )
        .next(RENEW),
        (other, bits) => {
            let bits = bits.map_or_else(String::new, |bits| format!(" of {bits} bits"));
            Check::new(
                id,
                CheckStatus::Fail,
                format!(
                    "the key is {other}{bits}; the requirements are about RSA of {LEAST_BITS} \
                         bits or more"
                ),
            )
            .next(RENEW)
            .resting_on(Sourcing::Inferred)
        }
    }
}

const LEAST_BITS: u32 = 2048;

const RENEW: &str =
    "Issue a new certificate with an RSA key of 2048 bits or more, made for key exchange.";
