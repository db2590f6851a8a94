//! TLS for devices: they present any certificate to the client, and accept any from the server.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{Acceptor, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme, SupportedCipherSuite,
};
use tokio::net::TcpStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, TlsConnector, client, server};

/// How a device relays decrypted content to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// Relays the content in the device's own TLS session.
    Tls,
    /// Relays the content in clear text.
    Plain,
}

/// Completes the handshake with `client`, whatever name it asks for.
pub(super) async fn accept_with(
    client: TcpStream,
    certificate: Arc<CertifiedKey>,
    alpn: &[&[u8]],
) -> anyhow::Result<server::TlsStream<TcpStream>> {
    let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.to_vec()).collect();
    let config = server_config(certificate, alpn)?;
    Ok(tokio_rustls::TlsAcceptor::from(config)
        .accept(client)
        .await?)
}

/// Reads the ClientHello and does not answer yet.
pub(super) async fn hello(client: TcpStream) -> anyhow::Result<StartHandshake<TcpStream>> {
    Ok(LazyConfigAcceptor::new(Acceptor::default(), client).await?)
}

/// Returns the ALPN protocols that a ClientHello offers.
pub(super) fn offered(start: &StartHandshake<TcpStream>) -> Vec<Vec<u8>> {
    let hello = start.client_hello();
    let offered = hello
        .alpn()
        .map(|names| names.map(<[u8]>::to_vec).collect());
    offered.unwrap_or_default()
}

/// Returns the configuration of a server that presents `certificate` and accepts any of `alpn`.
///
/// # Errors
/// Fails if the TLS library lacks the protocol's versions.
pub fn server_config(
    certificate: Arc<CertifiedKey>,
    alpn: Vec<Vec<u8>>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .context("the provider's suites")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(certificate)));
    config.alpn_protocols = alpn;
    Ok(Arc::new(config))
}

/// Completes a handshake with the server, without checking its certificate.
pub(super) async fn connect(
    server: TcpStream,
    name: Option<String>,
    alpn: Vec<Vec<u8>>,
) -> anyhow::Result<client::TlsStream<TcpStream>> {
    let mut config = trusting_anyone()?;
    config.alpn_protocols = alpn;
    config.enable_sni = name.is_some();
    let name = ServerName::try_from(name.unwrap_or_else(|| "unnamed.invalid".to_owned()))?;
    let connector = TlsConnector::from(Arc::new(config));
    Ok(connector.connect(name, server).await?)
}

/// Returns the configuration of a client that accepts every certificate.
///
/// # Errors
/// Fails if the TLS library lacks the protocol's versions.
pub fn trusting_anyone() -> anyhow::Result<ClientConfig> {
    asking_nothing(provider())
}

/// Returns the configuration of a client that accepts every certificate and has only this cipher suite, and thus one
/// version of TLS.
///
/// # Errors
/// Fails if the TLS library lacks that version.
pub fn trusting_anyone_over(suite: SupportedCipherSuite) -> anyhow::Result<ClientConfig> {
    asking_nothing(Arc::new(CryptoProvider {
        cipher_suites: vec![suite],
        ..aws_lc_rs::default_provider()
    }))
}

fn asking_nothing(provider: Arc<CryptoProvider>) -> anyhow::Result<ClientConfig> {
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("the provider's suites")?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A verifier that accepts every server.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
