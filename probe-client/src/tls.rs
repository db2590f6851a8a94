//! The client's TLS: pinned, never verified against a trust store. A certificate that is not the
//! pinned one is kept as evidence instead of failing the handshake.

use std::sync::{Arc, Mutex, PoisonError};

use proto::control_auth::EXPORTER_LABEL;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, SignatureScheme,
};

/// What one handshake needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello {
    pub(crate) sni: bool,
    pub(crate) alpn: Option<&'static str>,
}

/// A configuration for one handshake, and where the presented leaf certificate will be found, even
/// if the handshake then fails.
pub(crate) fn client_config(hello: Hello) -> (Arc<ClientConfig>, Presented) {
    let presented = Presented::default();
    let verifier = KeepCertificate {
        provider: provider(),
        presented: presented.clone(),
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.enable_sni = hello.sni;
    config.alpn_protocols = hello.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    config.resumption = rustls::client::Resumption::disabled();
    (Arc::new(config), presented)
}

/// `host` as TLS wants it; a name that is none (too long, odd characters) stands as a placeholder,
/// which is only right because the certificate's name decides nothing here.
pub(crate) fn server_name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).unwrap_or_else(|_| {
        ServerName::try_from("fwprobe.invalid").expect("a constant that is a DNS name")
    })
}

/// RFC 9266 `tls-exporter`. TLS 1.2 would need the extended master secret for it to bind, and
/// whether that was negotiated cannot be asked here; absent then.
pub(crate) fn exporter(connection: &ClientConnection) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(b""))
        .ok()
}

/// The leaf certificate, in DER, that a handshake presented.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presented(Arc<Mutex<Option<Vec<u8>>>>);

impl Presented {
    pub(crate) fn leaf(&self) -> Option<Vec<u8>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[derive(Debug)]
struct KeepCertificate {
    provider: Arc<CryptoProvider>,
    presented: Presented,
}

impl ServerCertVerifier for KeepCertificate {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self
            .presented
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(leaf.as_ref().to_vec());
        // Whether it is the pinned key is asked after the handshake; that the peer holds the key is
        // proven by the signatures below.
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// No post-quantum key share, so that the ClientHello fits one segment: whether a large one passes
/// is a question of its own.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
        aws_lc_rs::kx_group::SECP384R1,
    ];
    Arc::new(provider)
}
