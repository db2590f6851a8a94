//! Describes the content of a key store for the checks: facts about its certificates, and whether its keys match.

use std::path::Path;

use head_node::certificate::{Bundle, PrivateKey};
use head_node::{CertificateContents, CertificateFacts, CertificateFile};
use sha1::{Digest as _, Sha1};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::{ExtendedKeyUsage, FromDer as _};
use x509_parser::public_key::PublicKey;

use super::signature::signature;
use super::{KeyStore, PasswordSource, key, load};

/// Reads `path` for the checks. If the file cannot be read, the result says why.
pub(crate) fn certificate_file(path: &Path, passwords: &PasswordSource) -> CertificateFile {
    let contents = match load(path, passwords) {
        Err(error) => CertificateContents::Unreadable(error.to_string()),
        Ok(store) => contents(&store),
    };
    CertificateFile {
        file: path.display().to_string(),
        contents,
    }
}

/// Returns the certificate at the beginning of `bytes`, if there is one.
pub(super) fn der_certificate(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (rest, _) = X509Certificate::from_der(bytes).ok()?;
    let length = bytes.len() - rest.len();
    Some(vec![bytes[..length].to_vec()])
}

/// Returns certificates that follow each other directly.
pub(super) fn der_certificates(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() && all.len() < MAX_CERTIFICATES {
        let (rest, _) = X509Certificate::from_der(bytes).ok()?;
        all.push(bytes[..bytes.len() - rest.len()].to_vec());
        bytes = rest;
    }
    Some(all)
}

fn contents(store: &KeyStore) -> CertificateContents {
    let (key, leaf) = matched(store);
    let described = |der: &Vec<u8>| facts(der).ok_or_else(|| UNPARSED.to_owned());
    let mut all = Vec::new();
    for der in store.certificates.iter().take(MAX_CERTIFICATES) {
        match described(der) {
            Ok(facts) => all.push(facts),
            Err(why) => return CertificateContents::Unreadable(why),
        }
    }
    if all.is_empty() {
        return CertificateContents::Unreadable(UNPARSED.to_owned());
    }
    let leaf = leaf.unwrap_or_else(|| end_certificate(&all));
    let leaf = all.remove(leaf.min(all.len() - 1));
    CertificateContents::Read(Box::new(Bundle {
        form: store.form.to_owned(),
        leaf,
        others: all,
        key,
    }))
}

/// Returns the index of the first certificate that issued no other one.
fn end_certificate(all: &[CertificateFacts]) -> usize {
    let issued = |one: &CertificateFacts| {
        let mut others = all.iter().filter(|other| other.subject != one.subject);
        others.any(|other| other.issuer == one.subject)
    };
    all.iter().position(|one| !issued(one)).unwrap_or(0)
}

/// Returns the known facts about the keys, and the index of the certificate to which one of them belongs.
fn matched(store: &KeyStore) -> (PrivateKey, Option<usize>) {
    let place = |public: &Vec<u8>| {
        let mut certificates = store.certificates.iter();
        certificates.position(|c| key::is_of(c, public))
    };
    match store.keys.as_slice() {
        [] => match store.unusable_keys.first() {
            Some(error) => (PrivateKey::NotOpened(error.to_string()), None),
            None => (PrivateKey::Absent, None),
        },
        [one] => match key::public_key(one) {
            Err(why) => (PrivateKey::NotCompared(why), None),
            Ok(public) => match place(&public) {
                leaf @ Some(_) => (PrivateKey::Matches, leaf),
                None => (PrivateKey::Foreign, None),
            },
        },
        several => {
            let places: Vec<usize> = several
                .iter()
                .filter_map(|one| key::public_key(one).ok())
                .filter_map(|public| place(&public))
                .collect();
            let key = PrivateKey::Several {
                keys: several.len(),
                matching: places.len(),
            };
            (key, places.first().copied())
        }
    }
}

fn facts(der: &[u8]) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let (key_algorithm, key_bits) = key_of(&certificate);
    let constraints = certificate.basic_constraints().ok().flatten();
    let usage = certificate.key_usage().ok().flatten();
    let extended = certificate.extended_key_usage().ok().flatten();
    Some(CertificateFacts {
        subject: text(&certificate.subject().to_string()),
        issuer: text(&certificate.issuer().to_string()),
        version: certificate.version().0.saturating_add(1),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        key_algorithm,
        key_bits,
        signature: signature(&certificate.signature_algorithm),
        is_authority: constraints.is_some_and(|c| c.value.ca),
        key_usage: usage.map(|u| key_usage(u.value.flags)),
        extended_key_usage: extended.map(|e| extended_key_usage(e.value)),
        thumbprint: hex::encode_upper(Sha1::digest(der)),
    })
}

/// Cuts a name of unknown origin to one line of a report.
fn text(name: &str) -> String {
    let plain = name.chars().filter(|c| !c.is_control());
    plain.take(MAX_NAME_CHARACTERS).collect()
}

fn key_of(certificate: &X509Certificate<'_>) -> (String, Option<u32>) {
    let info = certificate.public_key();
    let id = info.algorithm.algorithm.to_id_string();
    let bits = |n: usize| u32::try_from(n).ok().filter(|bits| *bits > 0);
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let zeros = rsa.modulus.iter().take_while(|b| **b == 0).count();
            let digits = &rsa.modulus[zeros..];
            let unused = digits.first().map_or(0, |b| b.leading_zeros());
            let used = bits(digits.len() * 8).map(|b| b - unused);
            ("RSA".to_owned(), used)
        }
        // The size counts whole bytes. P-521 is the only curve in use whose size is not a multiple of 8.
        Ok(PublicKey::EC(point)) => {
            let size = bits(point.key_size());
            (
                "EC".to_owned(),
                size.map(|b| if b == 528 { 521 } else { b }),
            )
        }
        Ok(_) | Err(_) => {
            let name = match id.as_str() {
                "1.2.840.113549.1.1.1" => "RSA",
                "1.2.840.10040.4.1" => "DSA",
                "1.3.101.112" => "Ed25519",
                "1.3.101.113" => "Ed448",
                "1.2.840.113549.1.1.10" => "RSASSA-PSS",
                other => other,
            };
            (name.to_owned(), None)
        }
    }
}

/// Returns the names of the set bits, the first bit first (RFC 5280 section 4.2.1.3).
fn key_usage(flags: u16) -> Vec<String> {
    let names = [
        "digitalSignature",
        "nonRepudiation",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    let set = names
        .iter()
        .enumerate()
        .filter(|(bit, _)| (flags >> bit) & 1 == 1);
    set.map(|(_, name)| (*name).to_owned()).collect()
}

fn extended_key_usage(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let named = [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let mut all: Vec<String> = named
        .into_iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| name.to_owned())
        .collect();
    let others = usage.other.iter().take(MAX_USAGES);
    all.extend(others.map(|oid| text(&oid.to_id_string())));
    all
}

const UNPARSED: &str = "a certificate in it cannot be parsed";

/// Maximum number of certificates; a chain has a handful.
const MAX_CERTIFICATES: usize = 64;

/// Maximum number of characters of a subject or issuer in a report.
const MAX_NAME_CHARACTERS: usize = 200;

/// Maximum number of extended key usages in a report that have no known name.
const MAX_USAGES: usize = 16;

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P521_SHA512};

    use super::*;

    #[test]
    fn the_size_of_a_curve_is_that_of_its_field_and_not_of_whole_bytes() {
        for (algorithm, bits) in [
            (&PKCS_ECDSA_P256_SHA256, 256),
            (&PKCS_ECDSA_P521_SHA512, 521),
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let parameters = CertificateParams::new(vec!["hpc.example".to_owned()]).unwrap();
            let certificate = parameters.self_signed(&key).unwrap();
            let facts = facts(certificate.der()).unwrap();
            assert_eq!(
                (facts.key_algorithm.as_str(), facts.key_bits),
                ("EC", Some(bits))
            );
        }
    }
}
