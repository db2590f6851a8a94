//! Opens PKCS#12 files that have no password at all, not even the empty one. The key of their MAC is derived from a
//! password of no bytes, while the empty password has the two zero bytes that end every password (RFC 7292 appendix
//! B.1).

use hmac::{Hmac, KeyInit as _, Mac as _};
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use x509_parser::asn1_rs::{Any, FromDer as _, Oid};

/// Returns `file` without its MAC, if the MAC belongs to a null password. PBES2 adds no zero bytes to a password, so
/// the file then opens with the empty password.
pub(super) fn without_mac(file: &[u8]) -> Option<Vec<u8>> {
    let parts = parts(Any::from_der(file).ok()?.1.data)?;
    let [version, content, mac] = parts.as_slice() else {
        return None;
    };
    let mac = MacData::read(mac)?;
    mac.is_of_null_password(authenticated(content)?)
        .then(|| sequence(&[*version, *content].concat()))
}

/// Returns the bytes in `content` that the MAC covers; their type is data (RFC 7292 section 4).
fn authenticated(content: &[u8]) -> Option<&[u8]> {
    let parts = parts(Any::from_der(content).ok()?.1.data)?;
    let [_kind, tagged] = parts.as_slice() else {
        return None;
    };
    let (_, octets) = Any::from_der(Any::from_der(tagged).ok()?.1.data).ok()?;
    Some(octets.data)
}

/// The MAC and its parameters (RFC 7292 section 4 and appendix A).
struct MacData<'a> {
    /// The identifier of the hash in DER, with its tag and length.
    algorithm: Vec<u8>,
    digest: &'a [u8],
    salt: &'a [u8],
    iterations: i32,
}

impl<'a> MacData<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let all = parts(Any::from_der(bytes).ok()?.1.data)?;
        let (info, salt, iterations) = match all.as_slice() {
            [info, salt] => (info, salt, 1),
            [info, salt, iterations] => (info, salt, number(iterations)?),
            _ => return None,
        };
        let info = parts(Any::from_der(info).ok()?.1.data)?;
        let [algorithm, digest] = info.as_slice() else {
            return None;
        };
        let algorithm = parts(Any::from_der(algorithm).ok()?.1.data)?;
        Some(Self {
            algorithm: algorithm.first()?.to_vec(),
            digest: Any::from_der(digest).ok()?.1.data,
            salt: Any::from_der(salt).ok()?.1.data,
            iterations: iterations.min(MOST_ITERATIONS),
        })
    }

    fn is_of_null_password(&self, data: &[u8]) -> bool {
        let Ok((_, algorithm)) = Oid::from_der(&self.algorithm) else {
            return false;
        };
        macro_rules! fits {
            ($digest:ty, $length:literal) => {{
                let (salt, count) = (self.salt, self.iterations);
                let key = derive_key::<$digest>(&[], salt, Pkcs12KeyType::Mac, count, $length);
                Hmac::<$digest>::new_from_slice(&key)
                    .is_ok_and(|mac| mac.chain_update(data).verify_slice(self.digest).is_ok())
            }};
        }
        match algorithm.to_id_string().as_str() {
            "1.3.14.3.2.26" => fits!(Sha1, 20),
            "2.16.840.1.101.3.4.2.1" => fits!(Sha256, 32),
            "2.16.840.1.101.3.4.2.2" => fits!(Sha384, 48),
            "2.16.840.1.101.3.4.2.3" => fits!(Sha512, 64),
            _ => false,
        }
    }
}

/// Returns the elements of a sequence's content, each with its tag and length.
fn parts(mut content: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while !content.is_empty() {
        let (rest, _) = Any::from_der(content).ok()?;
        let (part, after) = content.split_at(content.len() - rest.len());
        all.push(part);
        content = after;
    }
    Some(all)
}

fn number(bytes: &[u8]) -> Option<i32> {
    Any::from_der(bytes).ok()?.1.as_i32().ok()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let digits = &length[zeros..];
    let mut header = vec![SEQUENCE];
    match (content.len(), u8::try_from(digits.len())) {
        (short @ 0..=0x7f, _) => header.extend(u8::try_from(short)),
        (_, count) => {
            header.extend(count.map(|count| LONG_FORM | count));
            header.extend(digits);
        }
    }
    [header.as_slice(), content].concat()
}

const SEQUENCE: u8 = 0x30;
const LONG_FORM: u8 = 0x80;

/// Maximum number of iterations: ten times what programs use today. More would only waste this program's time.
const MOST_ITERATIONS: i32 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an archive of `content`, with a MAC whose key is derived from `password`.
    fn archive(content: &[u8], password: &[u8]) -> Vec<u8> {
        let octets = |bytes: &[u8]| [&[4, u8::try_from(bytes.len()).unwrap()], bytes].concat();
        let key = derive_key::<Sha256>(password, b"salt", Pkcs12KeyType::Mac, 1, 32);
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let digest = mac.chain_update(content).finalize().into_bytes();
        let sha256 = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        let info = sequence(&[sequence(&sha256), octets(&digest)].concat());
        let mac = sequence(&[info, octets(b"salt")].concat());
        let data = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
        let inner = octets(content);
        let tagged = [
            &[0xa0, u8::try_from(inner.len()).unwrap()],
            inner.as_slice(),
        ]
        .concat();
        let content = sequence(&[data.to_vec(), tagged].concat());
        sequence(&[vec![2, 1, 3], content, mac].concat())
    }

    #[test]
    fn a_null_password_is_told_from_an_empty_one() {
        let null = without_mac(&archive(b"content", &[])).unwrap();
        assert_eq!(
            parts(Any::from_der(&null).unwrap().1.data).unwrap().len(),
            2
        );
        assert_eq!(without_mac(&archive(b"content", &[0, 0])), None);
        assert_eq!(without_mac(b"\x30\x03\x02\x01\x03"), None);
    }

    #[test]
    fn lengths_are_written_as_der_has_them() {
        assert_eq!(sequence(&[7; 3])[..2], [0x30, 3]);
        assert_eq!(sequence(&[7; 200])[..3], [0x30, 0x81, 200]);
        assert_eq!(sequence(&[7; 300])[..4], [0x30, 0x82, 1, 44]);
    }
}
