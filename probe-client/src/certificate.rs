//! Describes the certificate that a TLS peer presented: whether it is the pinned one, and its issuer.

use std::time::Duration;

use probe_core::excerpt::Excerpt;
use probe_core::measurement::PresentedCertificate;
use proto::connection_string::Pin;
use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{ASN1Time, FromDer as _, GeneralName, X509Certificate};

/// Describes the leaf certificate `der` for a report. A certificate that cannot be parsed is described by its digest
/// alone.
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
        subject: Some(shown(&certificate.subject().to_string())),
        issuer: Some(shown(&certificate.issuer().to_string())),
        names: names(&certificate),
        not_before: Some(timestamp(validity.not_before.timestamp())),
        not_after: Some(timestamp(validity.not_after.timestamp())),
        spki_sha256: Some(hex::encode(spki)),
        self_signed: Some(certificate.subject() == certificate.issuer()),
        pinned: pins.contains(&Pin(spki)),
    }
}

/// Checks that `now` is within the certificate's dates.
///
/// # Errors
///
/// `now` is outside them, or the certificate cannot be read.
pub(crate) fn is_in_time(der: &[u8], now: UnixTime) -> Result<(), CertificateError> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Err(CertificateError::BadEncoding);
    };
    let seconds = |time: ASN1Time| Duration::from_secs(time.timestamp().try_into().unwrap_or(0));
    let validity = certificate.validity();
    let not_before = UnixTime::since_unix_epoch(seconds(validity.not_before));
    let not_after = UnixTime::since_unix_epoch(seconds(validity.not_after));
    if now < not_before {
        let time = now;
        return Err(CertificateError::NotValidYetContext { time, not_before });
    }
    if now > not_after {
        let time = now;
        return Err(CertificateError::ExpiredContext { time, not_after });
    }
    Ok(())
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
        return Some(shown(dns));
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

/// Escapes and cuts text from a certificate, which may come from a stranger.
fn shown(text: &str) -> String {
    Excerpt::cut(text, MAX_TEXT).into()
}

fn timestamp(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds)
        .map_or_else(|_| unix_seconds.to_string(), |t| t.to_string())
}

/// Maximum number of names; a certificate of a content network may name thousands of hosts.
const MAX_NAMES: usize = 32;

/// Maximum number of characters of a name; host names are shorter (RFC 1035 section 2.3.4).
const MAX_TEXT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_shown_and_not_obeyed() {
        let mut parameters =
            rcgen::CertificateParams::new(vec!["portal.example".to_owned()]).unwrap();
        let name = format!("\u{1b}[2J\nok 443 reachable{}", "x".repeat(300));
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let shown = describe(certificate.der(), &[]);
        let subject = shown.subject.unwrap();
        assert!(
            subject.contains(r"\u{1b}[2J\u{a}ok 443 reachable"),
            "{subject}"
        );
        assert!(!subject.contains(char::is_control), "{subject}");
        assert!(subject.len() < 300, "{subject}");
        assert_eq!(shown.issuer.as_deref(), Some(subject.as_str()));
        assert_eq!(shown.names, ["portal.example"]);
    }
}
