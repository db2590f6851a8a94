//! Recognises other files that are mistaken for certificate files, by their first bytes, and DER files that are cut
//! short.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use x509_parser::asn1_rs::{Any, Err as ParseError, FromDer as _};
use zeroize::Zeroizing;

use super::KeyStoreError;

/// Returns the error for `bytes` if they are a known kind of file that is not a certificate file.
pub(super) fn of(bytes: &[u8]) -> Option<KeyStoreError> {
    let (name, instead) = match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => (
            "a Java key store (JKS or JCEKS)",
            "convert it to PKCS#12: keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12 \
             -deststoretype PKCS12",
        ),
        [0x1e, 0xf1, 0xb5, 0xb0, ..] => (
            "a private key in Microsoft's form PVK",
            "join it with its certificate: pvk2pfx -pvk KEY.pvk -spc CERT.cer -pfx NEW.pfx",
        ),
        _ if is_bare_base64(bytes) => (
            "a certificate file in base64 without its lines BEGIN and END",
            "decode it: certutil -decode OLD NEW, or base64 -d OLD > NEW",
        ),
        _ if is_request(bytes) => return Some(request()),
        _ if is_cut_short(bytes) => {
            return Some(KeyStoreError::Damaged("a certificate file in DER"));
        }
        _ => return None,
    };
    Some(KeyStoreError::OtherForm { name, instead })
}

/// Returns the error for a certificate signing request, in any form.
pub(super) fn request() -> KeyStoreError {
    KeyStoreError::OtherForm {
        name: "a request for a certificate (CSR)",
        instead: "give the certificate that the authority issued for it",
    }
}

/// Returns whether this is a certificate signing request (RFC 2986): a sequence whose first element begins with version
/// 0 and a name. A certificate has no bare number 0 there.
fn is_request(bytes: &[u8]) -> bool {
    let Ok((_, outer)) = Any::from_der(bytes) else {
        return false;
    };
    let Ok((_, info)) = Any::from_der(outer.data) else {
        return false;
    };
    info.data.starts_with(&[2, 1, 0])
}

/// Returns whether this is text that base64 decodes to DER, which begins with a sequence.
fn is_bare_base64(bytes: &[u8]) -> bool {
    let digits = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    let digits = Zeroizing::new(digits.copied().collect::<Vec<u8>>());
    let decoded = BASE64_STANDARD.decode(&*digits).map(Zeroizing::new);
    decoded.is_ok_and(|decoded| decoded.first() == Some(&0x30))
}

/// Returns whether this is a sequence that claims to be longer than the file.
fn is_cut_short(bytes: &[u8]) -> bool {
    let incomplete = matches!(Any::from_der(bytes), Err(ParseError::Incomplete(_)));
    incomplete && bytes.first() == Some(&0x30) && bytes.get(1) != Some(&0x80)
}
