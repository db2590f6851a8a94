//! Names the cipher of a file that cannot be opened, so that its owner knows what to change.

use std::fmt::{self, Display, Formatter};

use x509_parser::asn1_rs::Oid;

/// A cipher that files use and fwprobe does not support.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cipher {
    Named(&'static str),
    /// A cipher whose identifier is not in the tables.
    Other,
}

impl Cipher {
    /// Returns the cipher of a key in PEM that cannot be opened.
    pub(super) fn of_key(der: &[u8]) -> Self {
        Self::among(der, NOWHERE.iter().chain(PKCS12_ALONE))
    }

    /// Returns the cipher of a PKCS#12 file that cannot be opened.
    pub(super) fn of_archive(der: &[u8]) -> Self {
        Self::among(der, NOWHERE)
    }

    /// Returns the first cipher in `names` whose identifier is anywhere in `der`. An identifier has several bytes, so
    /// it does not occur in encrypted data by chance.
    fn among<'n>(der: &[u8], names: impl IntoIterator<Item = &'n (&'n str, &'static str)>) -> Self {
        let mut names = names.into_iter();
        let named = names.find(|(identifier, _)| contains(der, identifier));
        named.map_or(Self::Other, |(_, name)| Self::Named(name))
    }
}

fn contains(der: &[u8], identifier: &str) -> bool {
    let Ok(oid) = identifier.parse::<Oid<'_>>() else {
        return false;
    };
    let Ok(length) = u8::try_from(oid.as_bytes().len()) else {
        return false;
    };
    let element = [&[OBJECT_IDENTIFIER, length], oid.as_bytes()].concat();
    der.windows(element.len()).any(|window| window == element)
}

impl Display for Cipher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "the cipher {name}"),
            Self::Other => f.write_str("a cipher"),
        }
    }
}

const OBJECT_IDENTIFIER: u8 = 6;

/// Ciphers that are supported in no file, by the identifiers of RFC 7292 appendix C, RFC 8018 appendices A and B,
/// RFC 3657, RFC 5794, RFC 4010 and GM/T 0006.
const NOWHERE: &[(&str, &str)] = &[
    ("1.2.840.113549.3.2", "RC2-CBC"),
    ("1.2.840.113549.3.4", "RC4"),
    ("1.2.392.200011.61.1.1.1.2", "Camellia-128-CBC"),
    ("1.2.392.200011.61.1.1.1.3", "Camellia-192-CBC"),
    ("1.2.392.200011.61.1.1.1.4", "Camellia-256-CBC"),
    ("1.2.410.200046.1.1.2", "ARIA-128-CBC"),
    ("1.2.410.200046.1.1.7", "ARIA-192-CBC"),
    ("1.2.410.200046.1.1.12", "ARIA-256-CBC"),
    ("1.2.410.200004.1.4", "SEED-CBC"),
    ("1.2.156.10197.1.104.2", "SM4-CBC"),
    ("1.2.840.113549.1.5.1", "PBE-MD2-DES"),
    ("1.2.840.113549.1.5.3", "PBE-MD5-DES"),
    ("1.2.840.113549.1.5.4", "PBE-MD2-RC2-64"),
    ("1.2.840.113549.1.5.6", "PBE-MD5-RC2-64"),
    ("1.2.840.113549.1.5.10", "PBE-SHA1-DES"),
    ("1.2.840.113549.1.5.11", "PBE-SHA1-RC2-64"),
    ("1.2.840.113549.1.12.1.1", "PBE-SHA1-RC4-128"),
    ("1.2.840.113549.1.12.1.2", "PBE-SHA1-RC4-40"),
    ("1.2.840.113549.1.12.1.4", "PBE-SHA1-2DES"),
    ("1.2.840.113549.1.12.1.5", "PBE-SHA1-RC2-128"),
];

/// Ciphers that are supported in PKCS#12, but not in PEM.
const PKCS12_ALONE: &[(&str, &str)] = &[
    ("1.2.840.113549.1.12.1.3", "PBE-SHA1-3DES"),
    ("1.2.840.113549.1.12.1.6", "PBE-SHA1-RC2-40"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_one_and_is_found() {
        for (text, name) in NOWHERE.iter().chain(PKCS12_ALONE) {
            let oid: Oid<'_> = text.parse().unwrap();
            let length = u8::try_from(oid.as_bytes().len()).unwrap();
            let der = [&[0x30, length + 2, 6, length], oid.as_bytes(), &[5, 0]].concat();
            assert_eq!(Cipher::of_key(&der), Cipher::Named(name), "{text}");
        }
        assert_eq!(Cipher::of_archive(&[0x30, 0]), Cipher::Other);
    }
}
