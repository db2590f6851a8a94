//! A certificate authority for the tests, like that of a company's TLS inspection.

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// An authority that issues certificates for any name; all leaves share one key, so issuing is fast.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    leaf_key: KeyPair,
}

impl Authority {
    /// Makes a new authority, called [`Authority::NAME`].
    ///
    /// # Errors
    /// Fails if no key can be made.
    pub fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params
            .distinguished_name
            .push(DnType::CommonName, Self::NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        Ok(Self {
            pem: params.self_signed(&key)?.pem(),
            issuer: Issuer::new(params, key),
            leaf_key: KeyPair::generate()?,
        })
    }

    /// Returns the authority's own certificate, as users install it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the authority's own certificate and key, as an intercepting device has them.
    pub fn own_pem(&self) -> (&str, String) {
        (&self.pem, self.issuer.key().serialize_pem())
    }

    /// Returns a certificate for `name`, and its key.
    ///
    /// # Errors
    /// Fails if `name` cannot be put into a certificate.
    pub fn issue(&self, name: &str) -> anyhow::Result<Arc<CertifiedKey>> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(self.leaf_key.serialize_der());
        let key = aws_lc_rs::sign::any_supported_type(&PrivateKeyDer::from(key))
            .context("a key that was just made")?;
        Ok(Arc::new(CertifiedKey::new(
            vec![certificate.der().clone()],
            key,
        )))
    }

    /// Returns a self-signed certificate for `name` with its key, and the certificate alone in PEM.
    ///
    /// It is marked as a CA, as openssl does by default.
    ///
    /// # Errors
    /// Fails if `name` cannot be put into a certificate.
    pub fn self_signed(name: &str) -> anyhow::Result<(Arc<CertifiedKey>, String)> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = aws_lc_rs::sign::any_supported_type(&key).context("a key that was just made")?;
        let chain = vec![certificate.der().clone()];
        let pem = certificate.pem();
        Ok((Arc::new(CertifiedKey::new(chain, key)), pem))
    }

    /// Returns a certificate for `name` and its key, both in PEM.
    ///
    /// # Errors
    /// Fails if `name` cannot be put into a certificate.
    pub fn issue_pem(&self, name: &str) -> anyhow::Result<(String, String)> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;
        Ok((certificate.pem(), self.leaf_key.serialize_pem()))
    }

    /// The authority's name, which reports must contain.
    pub const NAME: &'static str = "Inspection Authority of the Tests";
}
