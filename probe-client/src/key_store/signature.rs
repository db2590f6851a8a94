//! Classifies the algorithm with which a certificate is signed, and its soundness.

use head_node::certificate::Signature;
use x509_parser::asn1_rs::Any;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

/// Returns the class of a signature algorithm (RFC 3279, 4055, 5758, 8410). makecert wrote 1.3.14.3.2.29.
pub(super) fn signature(algorithm: &AlgorithmIdentifier<'_>) -> Signature {
    let sound = |name: &str| Signature::Sound(name.to_owned());
    match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.10" => pss(algorithm.parameters.as_ref()),
        "1.2.840.113549.1.1.11" => sound("sha256WithRSAEncryption"),
        "1.2.840.113549.1.1.12" => sound("sha384WithRSAEncryption"),
        "1.2.840.113549.1.1.13" => sound("sha512WithRSAEncryption"),
        "1.2.840.10045.4.3.2" => sound("ecdsa-with-SHA256"),
        "1.2.840.10045.4.3.3" => sound("ecdsa-with-SHA384"),
        "1.2.840.10045.4.3.4" => sound("ecdsa-with-SHA512"),
        "1.3.101.112" => sound("Ed25519"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => {
            Signature::Sha1("sha1WithRSAEncryption".to_owned())
        }
        "1.2.840.10045.4.1" => Signature::Sha1("ecdsa-with-SHA1".to_owned()),
        "1.2.840.113549.1.1.2" => Signature::Broken("md2WithRSAEncryption".to_owned()),
        "1.2.840.113549.1.1.3" => Signature::Broken("md4WithRSAEncryption".to_owned()),
        "1.2.840.113549.1.1.4" => Signature::Broken("md5WithRSAEncryption".to_owned()),
        other => Signature::Unknown(other.to_owned()),
    }
}

/// Returns the class of RSASSA-PSS by its hashes, one for the message and one for the mask. Only the parameters name
/// them, not the identifier (RFC 4055 section 3.1); without parameters, both are SHA-1.
fn pss(parameters: Option<&Any<'_>>) -> Signature {
    let Some(any) = parameters else {
        return Signature::Sha1(pss_name("SHA-1"));
    };
    let Ok(parameters) = RsaSsaPssParams::try_from(any) else {
        return Signature::Unknown("RSASSA-PSS with parameters that cannot be read".to_owned());
    };
    let message = parameters.hash_algorithm_oid().to_id_string();
    let Ok(mask) = parameters.mask_gen_algorithm() else {
        return Signature::Unknown("RSASSA-PSS with an unknown mask".to_owned());
    };
    let hashes = [message, mask.hash.to_id_string()];
    let named = |oids: &[&str]| hashes.iter().any(|hash| oids.contains(&hash.as_str()));
    if named(&[MD2, MD4, MD5]) {
        return Signature::Broken(pss_name("MD5 or older"));
    }
    if named(&[SHA1]) {
        return Signature::Sha1(pss_name("SHA-1"));
    }
    match hashes
        .iter()
        .find(|hash| !SHA2_AND_3.contains(&hash.as_str()))
    {
        Some(unknown) => Signature::Unknown(pss_name(unknown)),
        None => Signature::Sound("RSASSA-PSS".to_owned()),
    }
}

fn pss_name(hash: &str) -> String {
    format!("RSASSA-PSS with {hash}")
}

const MD2: &str = "1.2.840.113549.2.2";
const MD4: &str = "1.2.840.113549.2.4";
const MD5: &str = "1.2.840.113549.2.5";
const SHA1: &str = "1.3.14.3.2.26";

/// The identifiers of SHA-256, SHA-384, SHA-512, SHA-224, SHA-512/224, SHA-512/256, and SHA3-224 to SHA3-512.
const SHA2_AND_3: [&str; 10] = [
    "2.16.840.1.101.3.4.2.1",
    "2.16.840.1.101.3.4.2.2",
    "2.16.840.1.101.3.4.2.3",
    "2.16.840.1.101.3.4.2.4",
    "2.16.840.1.101.3.4.2.5",
    "2.16.840.1.101.3.4.2.6",
    "2.16.840.1.101.3.4.2.7",
    "2.16.840.1.101.3.4.2.8",
    "2.16.840.1.101.3.4.2.9",
    "2.16.840.1.101.3.4.2.10",
];

#[cfg(test)]
mod tests {
    use x509_parser::asn1_rs::FromDer as _;

    use super::*;

    /// Returns an element in DER.
    fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 0x80, "a long form");
        [&[tag, length], content.as_slice()].concat()
    }

    /// Returns the identifier of a hash, with NULL as its parameters.
    fn hash(oid: &[u8]) -> Vec<u8> {
        der(0x30, &[&der(0x06, &[oid]), &[5, 0]])
    }

    /// Returns the parameters of RFC 4055 section 3.1 with these hashes; `None` stands for the default.
    fn parameters(message: Option<&[u8]>, mask: Option<&[u8]>) -> Vec<u8> {
        let message = message.map(|oid| der(0xa0, &[&hash(oid)]));
        let mgf1 = der(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8]]);
        let mask = mask.map(|oid| der(0xa1, &[&der(0x30, &[&mgf1, &hash(oid)])]));
        let (message, mask) = (message.unwrap_or_default(), mask.unwrap_or_default());
        der(0x30, &[&message, &mask])
    }

    fn class(parameters: &[u8]) -> Signature {
        let pss = der(0x06, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]]);
        let whole = der(0x30, &[&pss, parameters]);
        signature(&AlgorithmIdentifier::from_der(&whole).unwrap().1)
    }

    #[test]
    fn rsassa_pss_is_as_sound_as_its_weaker_hash() {
        const MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5];
        const SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
        const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        let sha1 = Signature::Sha1(pss_name("SHA-1"));
        let md5 = Signature::Broken(pss_name("MD5 or older"));
        assert_eq!(class(&[]), sha1, "no parameters");
        for (message, mask, expected) in [
            (None, None, &sha1),
            (Some(SHA256), None, &sha1),
            (Some(SHA1), Some(SHA256), &sha1),
            (Some(MD5), None, &md5),
            (Some(MD5), Some(MD5), &md5),
            (Some(SHA256), Some(MD5), &md5),
            (
                Some(SHA256),
                Some(SHA256),
                &Signature::Sound("RSASSA-PSS".to_owned()),
            ),
        ] {
            let class = class(&parameters(message, mask));
            assert_eq!(&class, expected, "{message:?}, {mask:?}");
        }
        let unreadable = class(&[4, 1, 0]);
        assert!(
            matches!(unreadable, Signature::Unknown(_)),
            "{unreadable:?}"
        );
    }
}
