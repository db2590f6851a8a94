//! The TLS of attackers, which accept any certificate.

use std::net::TcpStream;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, SupportedCipherSuite};

use crate::Authority;
use crate::middlebox::{trusting_anyone, trusting_anyone_over};

/// The configuration of a TLS client.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Returns a client that offers `alpn`, or no ALPN if that is empty.
    ///
    /// # Errors
    /// Fails if the TLS library lacks the protocol's versions.
    pub fn offering(alpn: &str) -> anyhow::Result<Self> {
        Ok(Self::with(trusting_anyone()?, alpn))
    }

    /// Returns a client that offers `alpn` and has only one cipher suite, and thus one version of TLS.
    ///
    /// # Errors
    /// Fails if the TLS library lacks that version.
    pub fn over(suite: SupportedCipherSuite, alpn: &str) -> anyhow::Result<Self> {
        Ok(Self::with(trusting_anyone_over(suite)?, alpn))
    }

    /// Returns a client that presents a chain of certificates of nearly `bytes` bytes.
    ///
    /// # Errors
    /// Fails if no certificate can be made.
    pub fn presenting(bytes: usize) -> anyhow::Result<Self> {
        Self::presenting_to(bytes, "")
    }

    /// Returns a client that presents a chain of certificates of nearly `bytes` bytes, and offers `alpn`.
    ///
    /// # Errors
    /// Fails if no certificate can be made.
    pub fn presenting_to(bytes: usize, alpn: &str) -> anyhow::Result<Self> {
        let issued = Authority::new()?.issue("stranger.example")?;
        let leaf = issued.cert.first().context("a certificate")?;
        let chain = vec![leaf.clone(); bytes / leaf.len()];
        let certified = CertifiedKey::new(chain, Arc::clone(&issued.key));
        let mut config = trusting_anyone()?;
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        Ok(Self::with(config, alpn))
    }

    fn with(mut config: ClientConfig, alpn: &str) -> Self {
        let offered = Some(alpn).filter(|name| !name.is_empty());
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().into()).collect();
        Self(Arc::new(config))
    }

    /// Returns a ClientHello, in one record.
    ///
    /// # Errors
    /// Fails if no ClientHello can be made.
    pub fn hello(&self) -> anyhow::Result<Vec<u8>> {
        let mut hello = Vec::new();
        self.client()?.write_tls(&mut hello)?;
        Ok(hello)
    }

    /// Completes the handshake with the server.
    ///
    /// # Errors
    /// Fails if the handshake fails.
    pub fn open(&self, tcp: &mut TcpStream) -> anyhow::Result<ClientConnection> {
        let mut tls = self.client()?;
        while tls.is_handshaking() {
            tls.complete_io(tcp)?;
        }
        while tls.wants_write() {
            tls.write_tls(tcp)?;
        }
        Ok(tls)
    }

    fn client(&self) -> anyhow::Result<ClientConnection> {
        let name = ServerName::try_from("echo.example")?;
        Ok(ClientConnection::new(Arc::clone(&self.0), name)?)
    }
}
