//! The server's identity: its certificate with the private key, and the client keys. It is kept in memory, or in a
//! directory of three files that strangers must not read.

mod change;
mod client_key;
mod directory;
mod file_names;
mod keys_file;
mod load;
mod lock;
mod mint;
mod roll_over;
mod save_error;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use echo_core::identity::{Key, Keyring};
use jiff::Timestamp;
use proto::connection_string::{ConnectionString, Pin};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

pub use self::client_key::{ClientKey, InvalidLabel, Label};
pub use self::directory::ChangeError;
pub(crate) use self::file_names::{
    CERTIFICATE_FILE, KEY_FILE, KEYS_FILE, NEXT_CERTIFICATE_FILE, NEXT_KEY_FILE,
};
pub use self::load::{LoadError, LoadErrors};
pub use self::lock::LockError;
pub use self::mint::{InvalidHost, MAX_HOSTS, MintError};
pub use self::roll_over::RollOverError;
pub use self::save_error::SaveError;

/// A server's identity. `Debug` shows no secret.
pub struct Identity {
    certificate: CertificateDer<'static>,
    private_key: PrivateKeyDer<'static>,
    pin: Pin,
    /// The pin of the next certificate, while a roll-over is in progress.
    next_pin: Option<Pin>,
    hosts: Vec<String>,
    control_port: u16,
    keys: Vec<ClientKey>,
}

impl Identity {
    /// Builds an identity from its parts.
    ///
    /// # Errors
    /// The certificate cannot be read, or the private key does not belong to it.
    pub(crate) fn assemble(
        certificate: CertificateDer<'static>,
        private_key: PrivateKeyDer<'static>,
        control_port: u16,
        keys: Vec<ClientKey>,
    ) -> Result<Self, UnusableCertificate> {
        certified(&certificate, &private_key)?;
        let pin = pin_of(&certificate)?;
        let (_, parsed) =
            X509Certificate::from_der(&certificate).map_err(|_| UnusableCertificate::Unreadable)?;
        let hosts = hosts(&parsed);
        Ok(Self {
            certificate,
            private_key,
            pin,
            next_pin: None,
            hosts,
            control_port,
            keys,
        })
    }

    /// Returns the pin by which clients recognise this server.
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// Returns the pin by which clients will recognise this server once the current roll-over is finished.
    pub fn next_pin(&self) -> Option<Pin> {
        self.next_pin
    }

    /// Returns the names and addresses in the certificate, at which clients look for this server.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Returns the port outside every profile that the connection strings name.
    pub fn control_port(&self) -> u16 {
        self.control_port
    }

    pub fn keys(&self) -> &[ClientKey] {
        &self.keys
    }

    /// Returns the connection string for the owner of `key`. It contains the secret.
    pub fn connection_string(&self, key: &ClientKey) -> ConnectionString {
        ConnectionString {
            key_id: key.id.clone(),
            secret: key.secret.clone(),
            hosts: self.hosts.clone(),
            pins: [Some(self.pin), self.next_pin]
                .into_iter()
                .flatten()
                .collect(),
            control_port: self.control_port,
        }
    }

    /// Returns the keys in the form that the core uses.
    pub(crate) fn keyring(&self) -> Keyring {
        let keys = self.keys.iter().map(|key| Key {
            id: key.id.clone(),
            secret: key.secret.clone(),
            label: key.label.to_string(),
            revoked: key.revoked,
            admin: key.admin,
        });
        Keyring::new(keys).expect("two keys with one id are refused where keys are read and made")
    }

    /// Returns the certificate and its private key, for the handshake.
    pub(crate) fn certified_key(&self) -> Arc<CertifiedKey> {
        let certified = certified(&self.certificate, &self.private_key);
        Arc::new(certified.expect("it was possible when the identity was assembled"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("pin", &self.pin)
            .field("hosts", &self.hosts)
            .field("control_port", &self.control_port)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// The reason why a certificate and a private key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnusableCertificate {
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("this kind of private key is not supported")]
    KeyKind,
    #[error("the private key does not belong to the certificate")]
    Mismatch,
}

fn certified(
    certificate: &CertificateDer<'static>,
    private_key: &PrivateKeyDer<'static>,
) -> Result<CertifiedKey, UnusableCertificate> {
    let certified = CertifiedKey::new(vec![certificate.clone()], signing_key(private_key)?);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InvalidCertificate(_)) => Err(UnusableCertificate::Unreadable),
        Err(_) => Err(UnusableCertificate::Mismatch),
    }
}

fn signing_key(
    private_key: &PrivateKeyDer<'static>,
) -> Result<Arc<dyn SigningKey>, UnusableCertificate> {
    rustls::crypto::aws_lc_rs::sign::any_supported_type(private_key)
        .map_err(|_| UnusableCertificate::KeyKind)
}

/// Returns the pin: the SHA-256 of the certificate's public key with its algorithm (RFC 7469 section 2.4).
fn pin_of(certificate: &CertificateDer<'_>) -> Result<Pin, UnusableCertificate> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| UnusableCertificate::Unreadable)?;
    Ok(Pin(Sha256::digest(parsed.public_key().raw).into()))
}

/// Returns the last moment at which the certificate is valid. `None` if this host's clock cannot express it, as in
/// certificates that never expire (RFC 5280 section 4.1.2.5).
fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

fn hosts(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    names.filter_map(host).take(MAX_HOSTS).collect()
}

fn host(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(octets) = name else {
        return None;
    };
    let v4 = <[u8; 4]>::try_from(*octets).map(|octets| Ipv4Addr::from(octets).to_string());
    let v6 = || <[u8; 16]>::try_from(*octets).map(|octets| Ipv6Addr::from(octets).to_string());
    v4.or_else(|_| v6()).ok()
}

/// The control port of an identity that is read only to check it.
const NO_CONTROL_PORT: u16 = 0;

#[cfg(test)]
mod tests;
