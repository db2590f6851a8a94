//! Authenticates a control call by an HMAC over the method, this TLS connection's exporter and the request as sent. A
//! recorded call is thus worthless on another connection or for another call.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::key::{KeyId, Secret};
use crate::wire::SignedRequest;

/// The keying material of the TLS connection (RFC 9266 `tls-exporter`).
pub type Exporter = [u8; 32];

/// The label of RFC 9266 section 4, which both ends give to `export_keying_material`.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// Signs a request. `method` is only the gRPC method's name, for example `Describe`.
pub fn sign(
    secret: &Secret,
    key_id: &KeyId,
    method: &str,
    exporter: &Exporter,
    request: Vec<u8>,
) -> SignedRequest {
    let mac = mac(secret, method, exporter, &request);
    SignedRequest {
        key_id: key_id.to_string(),
        request,
        mac: mac.to_vec(),
    }
}

/// Returns whether `signed` was signed with `secret` for this method and connection. If the key id is unknown, call it
/// with some other secret, so that both cases take the same time.
pub fn verify(secret: &Secret, method: &str, exporter: &Exporter, signed: &SignedRequest) -> bool {
    mac(secret, method, exporter, &signed.request)
        .ct_eq(&signed.mac)
        .into()
}

fn mac(secret: &Secret, method: &str, exporter: &Exporter, request: &[u8]) -> [u8; 32] {
    let key = secret.for_greeting().expand("control");
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes a key of any length");
    // The method's length keeps `method ‖ exporter ‖ request` from being split at another place.
    mac.update(&[u8::try_from(method.len()).unwrap_or(u8::MAX)]);
    mac.update(method.as_bytes());
    mac.update(exporter);
    mac.update(request);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_good_for_its_method_key_and_connection_only() {
        let (secret, other) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let key_id: KeyId = "k1".parse().unwrap();
        let signed = sign(&secret, &key_id, "Describe", &[5; 32], vec![1, 2, 3]);
        assert!(verify(&secret, "Describe", &[5; 32], &signed));
        assert!(!verify(&other, "Describe", &[5; 32], &signed));
        assert!(!verify(&secret, "OpenRun", &[5; 32], &signed));
        assert!(!verify(&secret, "Describe", &[6; 32], &signed));
        let mut altered = signed.clone();
        altered.request.push(4);
        assert!(!verify(&secret, "Describe", &[5; 32], &altered));
        let mut short = signed;
        short.mac.pop();
        assert!(!verify(&secret, "Describe", &[5; 32], &short));
    }
}
