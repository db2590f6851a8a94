//! A TLS client that accepts any certificate and keeps it, with the exporter that binds a dialogue to it.

use std::sync::Arc;

use proto::control_auth::EXPORTER_LABEL;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The parameters of a client's handshake.
pub(crate) struct Hello {
    pub(crate) alpn: &'static [&'static str],
    pub(crate) version: &'static SupportedProtocolVersion,
    pub(crate) provider: CryptoProvider,
    /// The client certificate with its issuers, and its key.
    pub(crate) certificate: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Default for Hello {
    fn default() -> Self {
        Self {
            alpn: &[],
            version: &rustls::version::TLS13,
            provider: aws_lc_rs::default_provider(),
            certificate: None,
        }
    }
}

impl Hello {
    pub(crate) fn alpn(alpn: &'static [&'static str]) -> Self {
        Self {
            alpn,
            ..Self::default()
        }
    }

    pub(crate) async fn connect<S>(self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from("echo.example").unwrap();
        TlsConnector::from(Arc::new(self.config()))
            .connect(name, stream)
            .await
    }

    fn config(self) -> ClientConfig {
        let provider = Arc::new(self.provider);
        let verifier = AnyServer(Arc::clone(&provider));
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match self.certificate {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config.resumption = Resumption::disabled();
        config
    }
}

/// Returns the exported keying material for channel binding (RFC 9266).
pub(crate) fn exporter(connection: &ClientConnection) -> [u8; 32] {
    connection
        .export_keying_material([0; 32], EXPORTER_LABEL, Some(b""))
        .unwrap()
}

#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
