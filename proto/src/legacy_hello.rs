//! The ClientHello that .NET's SslStream sends on Windows Server 2008 R2: TLS 1.0, no server name. It serves only to
//! see whether it arrives; nothing here can finish its handshake.
//!
//! The decompiled client shows that it offers at most TLS 1.0 and sends no name. Its suites and extensions are from
//! memory, and unconfirmed.

/// Returns the whole record (RFC 2246 sections 6.2.1 and 7.4.1.2), which is [`LEGACY_HELLO_BYTES`] long.
pub fn legacy_client_hello(random: &[u8; 32]) -> Vec<u8> {
    let mut extensions = Vec::new();
    for (kind, body) in EXTENSIONS {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(length(body.len()));
        extensions.extend_from_slice(body);
    }
    let mut body = Vec::new();
    body.extend(TLS_1_0);
    body.extend(random);
    // The session id is empty.
    body.push(0);
    body.extend(length(2 * SUITES.len()));
    body.extend(SUITES.iter().flat_map(|suite| suite.to_be_bytes()));
    // There is one compression method, which is no compression.
    body.extend([1, 0]);
    body.extend(length(extensions.len()));
    body.extend(extensions);
    let mut record = vec![HANDSHAKE];
    record.extend(TLS_1_0);
    record.extend(length(HANDSHAKE_HEADER + body.len()));
    record.extend([CLIENT_HELLO, 0]);
    record.extend(length(body.len()));
    record.extend(body);
    record
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes)
        .expect("everything here together is below 256 bytes")
        .to_be_bytes()
}

/// The length of a [`legacy_client_hello`] in bytes.
pub const LEGACY_HELLO_BYTES: usize = 95;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HANDSHAKE_HEADER: usize = 4;
const TLS_1_0: [u8; 2] = [3, 1];

/// The suites of SChannel at that time: AES, RC4 and 3DES under RSA, then the elliptic curves and DSS.
const SUITES: [u16; 12] = [
    0x002f, 0x0035, 0x0005, 0x000a, 0xc013, 0xc014, 0xc009, 0xc00a, 0x0032, 0x0038, 0x0013, 0x0004,
];

/// The extensions, each with type and body: renegotiation_info (RFC 5746), supported_groups with P-256 and P-384 (RFC
/// 8422 section 5.1.1), ec_point_formats with uncompressed (section 5.1.2).
const EXTENSIONS: [(u16, &[u8]); 3] = [
    (0xff01, &[0]),
    (0x000a, &[0, 4, 0, 23, 0, 24]),
    (0x000b, &[1, 0]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_hello::ClientHelloTap;

    #[test]
    fn it_is_a_whole_client_hello_of_tls_1_0_without_a_name() {
        let record = legacy_client_hello(&[7; 32]);
        assert_eq!(record.len(), LEGACY_HELLO_BYTES);
        let mut tap = ClientHelloTap::new();
        tap.push(&record);
        assert_eq!(tap.hellos(), 1);
        let summary = tap.summary().unwrap();
        assert_eq!(summary.server_name, None);
        assert_eq!(record[1..3], TLS_1_0);
        assert_eq!(record[9..11], TLS_1_0);
        assert_eq!(record[11..43], [7; 32]);
    }
}
