//! A certificate authority of the tests' own, as a company's TLS inspection has one.

use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

/// Issues a certificate for any name in no time.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
    leaf_key: KeyPair,
}

impl Authority {
    /// A new one, called [`Authority::NAME`].
    ///
    /// # Errors
    /// No key can be made.
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

    /// Its own certificate, as users are given it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its own certificate and key, as a device that intercepts has them.
    pub fn own_pem(&self) -> (&str, String) {
        (&self.pem, self.issuer.key().serialize_pem())
    }

    /// A certificate for `name` and its key.
    ///
    /// # Errors
    /// `name` cannot stand in a certificate.
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

    /// A certificate for `name` that is its own issuer and, as openssl makes one unless told otherwise, an
    /// authority's; in PEM too.
    ///
    /// # Errors
    /// `name` cannot stand in a certificate.
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

    /// The same as two texts of PEM: the certificate, and its key.
    ///
    /// # Errors
    /// `name` cannot stand in a certificate.
    pub fn issue_pem(&self, name: &str) -> anyhow::Result<(String, String)> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;
        Ok((certificate.pem(), self.leaf_key.serialize_pem()))
    }

    /// By which a report has to name it.
    pub const NAME: &'static str = "Inspection Authority of the Tests";
}
