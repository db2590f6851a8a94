//! Reads the certificates of a PKCS#7 bundle (RFC 5652 section 5.1), which is a SignedData structure without content.

use x509_parser::asn1_rs::{Any, Class, FromDer as _, Oid, Tag, oid};

use super::facts;

/// Returns the certificates in the file's order; `None` if this is not a PKCS#7 bundle.
pub(super) fn certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (_, outer) = Any::from_der(bytes).ok()?;
    (outer.tag() == Tag::Sequence).then_some(())?;
    let (rest, kind) = Oid::from_der(outer.data).ok()?;
    (kind == oid!(1.2.840.113549.1.7.2)).then_some(())?;
    let (_, content) = Any::from_der(rest).ok()?;
    let (_, signed) = Any::from_der(content.data).ok()?;
    let mut rest = signed.data;
    while !rest.is_empty() {
        let (after, part) = Any::from_der(rest).ok()?;
        rest = after;
        // `certificates` is [0] IMPLICIT, and follows version, digests and content.
        if part.class() == Class::ContextSpecific && part.tag() == Tag(0) {
            return facts::der_certificates(part.data);
        }
    }
    Some(Vec::new())
}
