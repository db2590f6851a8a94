//! Makes new identities: a P-256 key, a self-signed certificate and client keys.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proto::connection_string::is_host;
use proto::key::KeyId;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::{ClientKey, Identity, Label, UnusableCertificate};

impl Identity {
    /// Makes a new identity for a server that clients find at `hosts`, with one client key for each of `labels`.
    ///
    /// The certificate is valid for ten years from the day before `now`. Clients check only its public key, so neither
    /// its names nor its dates matter to them.
    ///
    /// # Errors
    /// A host is invalid, there are none or too many, or the library could not make a certificate.
    pub fn mint(
        hosts: &[String],
        control_port: u16,
        labels: impl IntoIterator<Item = Label>,
        now: Timestamp,
    ) -> Result<Self, MintError> {
        let invalid: Vec<_> = hosts.iter().filter(|host| !is_host(host)).collect();
        if let Some(host) = invalid.first() {
            return Err(InvalidHost((*host).clone()).into());
        }
        if !(1..=MAX_HOSTS).contains(&hosts.len()) {
            return Err(MintError::HostCount(hosts.len()));
        }
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = parameters(hosts, now)?.self_signed(&key)?;
        let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut keys = Vec::new();
        for label in labels {
            keys.push(unused(&keys, label, now));
        }
        let certificate = certificate.der().clone();
        Ok(Self::assemble(
            certificate,
            private_key,
            control_port,
            keys,
        )?)
    }
}

/// Makes a new key with an id that none of `keys` has.
pub(super) fn unused(keys: &[ClientKey], label: Label, now: Timestamp) -> ClientKey {
    let taken: BTreeSet<&KeyId> = keys.iter().map(|key| &key.id).collect();
    loop {
        let key = ClientKey::generate(label.clone(), now);
        if !taken.contains(&key.id) {
            return key;
        }
    }
}

fn parameters(hosts: &[String], now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(hosts)?;
    parameters
        .distinguished_name
        .push(DnType::CommonName, COMMON_NAME);
    let day = |years: i16| {
        // The certificate begins the day before, because clocks differ. The day is 28 at most, because ten years after
        // 29 February the date may not exist.
        let date = now.to_zoned(TimeZone::UTC).date().saturating_sub(1.day());
        let day = date.day().clamp(1, 28).unsigned_abs();
        let month = date.month().unsigned_abs();
        date_time_ymd((date.year() + years).into(), month, day)
    };
    parameters.not_before = day(0);
    parameters.not_after = day(VALID_YEARS);
    Ok(parameters)
}

/// The reason why no identity could be made.
#[derive(Debug, Error)]
pub enum MintError {
    #[error(transparent)]
    Host(#[from] InvalidHost),
    #[error("{0} hosts were given; a certificate has 1 to {MAX_HOSTS}")]
    HostCount(usize),
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("the certificate just made cannot be used: {0}")]
    Unusable(#[from] UnusableCertificate),
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a host name or IP address (IPv6 without brackets, and no port)")]
pub struct InvalidHost(pub String);

/// The maximum number of hosts in an identity, each a name or an address at which clients find the server. More would
/// make the connection string too long to copy.
pub const MAX_HOSTS: usize = 16;

const COMMON_NAME: &str = "fwprobe-echo";
const VALID_YEARS: i16 = 10;
