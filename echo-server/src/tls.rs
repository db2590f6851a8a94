//! The server's TLS. It accepts everything that a client offers, because it reports what arrived and does not judge it.
//! It uses no resumption, no tickets and no early data: every session proves itself from the start.

mod any_client;

use std::sync::Arc;

use echo_core::session::TlsFacts;
use proto::control_auth::{EXPORTER_LABEL, Exporter};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, NoServerSessionStorage};
use rustls::sign::SingleCertAndKey;
use rustls::{CipherSuite, ProtocolVersion, ServerConfig, ServerConnection, SupportedCipherSuite};
use sha2::{Digest as _, Sha256};

use self::any_client::AnyClient;
use crate::identity::Identity;

/// The two TLS configurations. The ClientHello decides which one is used.
#[derive(Debug)]
pub(crate) struct ServerTls {
    known_protocols: Arc<ServerConfig>,
    /// The configuration for clients that offer only unknown protocols. With a list of protocols, rustls would refuse
    /// these clients, and that would look like a fault of the path.
    no_protocols: Arc<ServerConfig>,
}

impl ServerTls {
    pub(crate) fn new(identity: &Identity) -> Self {
        let mut config = config(identity);
        let no_protocols = Arc::new(config.clone());
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        Self {
            known_protocols: Arc::new(config),
            no_protocols,
        }
    }

    pub(crate) fn for_hello(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let known = hello
            .alpn()
            .is_some_and(|mut offered| offered.any(|name| PROTOCOLS.contains(&name)));
        let config = if known {
            &self.known_protocols
        } else {
            &self.no_protocols
        };
        Arc::clone(config)
    }
}

/// Returns the values that the finished handshake agreed on, or `None` if it is not finished.
pub(crate) fn facts(connection: &ServerConnection) -> Option<TlsFacts> {
    let group = connection.negotiated_key_exchange_group();
    let client = connection.peer_certificates().and_then(<[_]>::first);
    Some(TlsFacts {
        version: connection.protocol_version()?.into(),
        cipher_suite: connection.negotiated_cipher_suite()?.suite().into(),
        group: group.map(|group| group.name().into()),
        server_name: connection.server_name().map(str::to_owned),
        alpn: connection.alpn_protocol().map(Into::into),
        exporter: exporter(connection),
        client_certificate_sha256: client.map(|leaf| Sha256::digest(leaf).into()),
    })
}

/// Returns the number of bytes by which a record is longer than its content, unless it is padded: those of the header
/// and the AEAD's tag; under TLS 1.3 also the type of the content (RFC 8446 section 5.2); under TLS 1.2 with AES-GCM
/// also a part of the nonce (RFC 5288 section 3, in contrast to RFC 7905 section 2).
pub(crate) fn record_overhead(connection: &ServerConnection) -> usize {
    const HEADER_AND_TAG: usize = 5 + 16;
    let suite = connection.negotiated_cipher_suite();
    HEADER_AND_TAG
        + match suite.map(|suite| (suite, suite.suite())) {
            Some((SupportedCipherSuite::Tls13(_), _)) => 1,
            Some((
                _,
                CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            )) => 0,
            _ => 8,
        }
}

/// Returns the `tls-exporter` of RFC 9266. `None` under TLS 1.2: it is bound to the connection only with the extended
/// master secret, and rustls does not report whether that was negotiated.
fn exporter(connection: &ServerConnection) -> Option<Exporter> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(b""))
        .ok()
}

fn config(identity: &Identity) -> ServerConfig {
    // The provider's groups are X25519, P-256 and P-384 first, then the post-quantum hybrid. The server thus uses the
    // hybrid only with a client that sends no other key share.
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let resolver = SingleCertAndKey::from(identity.certified_key());
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions")
        .with_client_cert_verifier(Arc::new(AnyClient::new(provider)))
        .with_cert_resolver(Arc::new(resolver));
    // The server prefers its strongest suite, even if the client prefers another one: scanners report the opposite as a
    // weakness.
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// The protocols of the control service and of `https` sessions, in the server's order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
