//! The certificate that a TLS peer presented: whether it is the pinned one, and who issued it.

use probe_core::measurement::PresentedCertificate;
use proto::connection_string::Pin;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What a report says of the leaf certificate `der`. A certificate that cannot be parsed is
/// presented all the same, by its digest.
pub(crate) fn describe(der: &[u8], pins: &[Pin]) -> PresentedCertificate {
    let sha256 = hex::encode(Sha256::digest(der));
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return PresentedCertificate {
            sha256,
            ..PresentedCertificate::default()
        };
    };
    let spki: [u8; 32] = Sha256::digest(certificate.public_key().raw).into();
    let validity = certificate.validity();
    PresentedCertificate {
        sha256,
        subject: Some(certificate.subject().to_string()),
        issuer: Some(certificate.issuer().to_string()),
        names: names(&certificate),
        not_before: Some(timestamp(validity.not_before.timestamp())),
        not_after: Some(timestamp(validity.not_after.timestamp())),
        spki_sha256: Some(hex::encode(spki)),
        self_signed: Some(certificate.subject() == certificate.issuer()),
        pinned: pins.contains(&Pin(spki)),
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(name)
        .take(MAX_NAMES)
        .collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(dns) = name {
        return Some((*dns).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else {
        return None;
    };
    if let Ok(v4) = <[u8; 4]>::try_from(*bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(*bytes).ok()?;
    Some(std::net::Ipv6Addr::from(v6).to_string())
}

fn timestamp(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds)
        .map_or_else(|_| unix_seconds.to_string(), |t| t.to_string())
}

/// A certificate of a content network may name thousands of hosts.
const MAX_NAMES: usize = 32;
