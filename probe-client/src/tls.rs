//! The client's TLS. A connection to the server is checked against pins, never against a trust store. A certificate
//! other than the pinned one is kept as evidence instead of failing the handshake. A connection to a proxy, or to the
//! host of an upload, is verified against a trust store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use probe_core::observation::Failure;
use proto::control_auth::EXPORTER_LABEL;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, ProtocolVersion, SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::Connect;
use tokio_rustls::client::TlsStream;

use crate::certificate;
use crate::observe::{stream_failure, timed_out};

/// The parameters of one handshake.
#[derive(Clone, Debug)]
pub(crate) struct Hello {
    pub(crate) sni: bool,
    pub(crate) alpn: Option<&'static str>,
    /// The client certificate, presented if the server asks for one.
    pub(crate) client: Option<Arc<dyn ResolvesClientCert>>,
    /// Whether to add a post-quantum key share, so that the ClientHello takes more than one segment.
    pub(crate) large: bool,
}

/// Returns a configuration for one handshake, and the place of the presented leaf certificate, which is kept even if
/// the handshake then fails.
pub(crate) fn client_config(hello: Hello) -> (Arc<ClientConfig>, Presented) {
    let presented = Presented::default();
    let verifier = KeepCertificate {
        provider: provider(hello.large),
        presented: presented.clone(),
        trusted: None,
    };
    let builder = ClientConfig::builder_with_provider(provider(hello.large))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match hello.client {
        Some(client) => builder.with_client_cert_resolver(client),
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = hello.sni;
    config.alpn_protocols = hello.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    if hello.large {
        // The names make the ClientHello larger: without a server name, the key share alone would nearly fit into one
        // segment.
        config.alpn_protocols.extend(reserved_protocols());
    }
    config.resumption = rustls::client::Resumption::disabled();
    (Arc::new(config), presented)
}

/// Returns `host` as TLS needs it. A host that is not a valid name (too long, odd characters) is replaced by a
/// placeholder, which is correct only because the name in the certificate does not matter here.
pub(crate) fn server_name(host: &str) -> ServerName<'static> {
    ServerName::try_from(host.to_owned()).unwrap_or_else(|_| {
        ServerName::try_from("fwprobe.invalid").expect("a constant that is a DNS name")
    })
}

/// Waits for the end of a handshake, at most `limit`.
pub(crate) async fn shaken_within<S: AsyncRead + AsyncWrite + Unpin>(
    limit: Duration,
    connecting: Connect<S>,
) -> Result<TlsStream<S>, Failure> {
    match timeout(limit, connecting).await {
        Ok(shaken) => shaken.map_err(|error| stream_failure(&error)),
        Err(_elapsed) => Err(timed_out()),
    }
}

/// Returns the `tls-exporter` of RFC 9266; `None` for TLS 1.2. There it is bound to the session only if both ends
/// negotiated the extended master secret, and fwprobe cannot find out whether they did.
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

/// The certificates that a proxy, or the host of an upload, may present: those of the system's authorities, and
/// others.
#[derive(Clone, Debug)]
pub(crate) struct SystemTrust(Arc<TrustedCertificates>);

#[derive(Debug)]
struct TrustedCertificates {
    authorities: Verifier,
    /// Certificates that are trusted themselves, whichever authority issued them.
    given: Vec<CertificateDer<'static>>,
}

impl SystemTrust {
    /// Trusts the system's authorities and those whose certificates are `extra`. A host that presents one of `extra`
    /// itself is trusted too, as with curl's `--proxy-cacert`: a self-signed certificate is often an authority's
    /// (CA:TRUE), which path building refuses as a server's certificate.
    ///
    /// # Errors
    ///
    /// One of the certificates is invalid, or the system has no authorities.
    pub(crate) fn new(extra: &[CertificateDer<'static>]) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authorities = Verifier::new_with_extra_roots(extra.iter().cloned(), provider)?;
        Ok(Self(Arc::new(TrustedCertificates {
            authorities,
            given: extra.to_vec(),
        })))
    }

    /// Returns a configuration for one handshake that fails unless the presented certificate is trusted.
    pub(crate) fn client_config(&self) -> (Arc<ClientConfig>, Presented) {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let presented = Presented::default();
        let verifier = KeepCertificate {
            provider: Arc::clone(&provider),
            presented: presented.clone(),
            trusted: Some(Arc::clone(&self.0)),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .expect("the provider has suites for both versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        (Arc::new(config), presented)
    }
}

#[derive(Debug)]
struct KeepCertificate {
    provider: Arc<CryptoProvider>,
    presented: Presented,
    /// The trust that decides; `None` accepts every certificate for now.
    trusted: Option<Arc<TrustedCertificates>>,
}

impl TrustedCertificates {
    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.given.iter().any(|given| given == leaf) {
            return self
                .authorities
                .verify_server_cert(leaf, intermediates, name, ocsp, now);
        }
        verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        certificate::is_in_time(leaf, now)?;
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for KeepCertificate {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self
            .presented
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(leaf.as_ref().to_vec());
        if let Some(trusted) = &self.trusted {
            return trusted.verify(leaf, intermediates, name, ocsp, now);
        }
        // The pinned key is compared after the handshake; the signatures below prove that the peer has the key.
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

/// Returns the TLS provider. Without a post-quantum key share, the ClientHello fits into one segment. Whether a large
/// one passes is tested separately, with `large`.
fn provider(large: bool) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
        aws_lc_rs::kx_group::SECP384R1,
    ];
    if large {
        // It comes first, so that its share is sent. X25519's share is sent too, and the server uses that one.
        let hybrid = aws_lc_rs::kx_group::X25519MLKEM768;
        provider.kx_groups.insert(0, hybrid);
    }
    Arc::new(provider)
}

/// Returns the protocol names that RFC 8701 section 2 reserves and that every server must ignore.
fn reserved_protocols() -> impl Iterator<Item = Vec<u8>> {
    (0..16).map(|n| vec![n * 0x10 + 0x0a; 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Payload of an Ethernet segment without TCP options, in bytes.
    const SEGMENT: usize = 1460;

    fn hello_bytes(large: bool) -> usize {
        let (config, _) = client_config(Hello {
            sni: false,
            alpn: None,
            client: None,
            large,
        });
        let mut connection = ClientConnection::new(config, server_name("192.0.2.1")).unwrap();
        connection.write_tls(&mut Vec::new()).unwrap()
    }

    #[test]
    fn the_small_hello_fits_one_segment_and_the_large_one_does_not() {
        assert!(hello_bytes(false) < SEGMENT / 2, "{}", hello_bytes(false));
        assert!(hello_bytes(true) > SEGMENT, "{}", hello_bytes(true));
    }
}
