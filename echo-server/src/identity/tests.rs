//! Tests identities in memory.

use rcgen::{CertificateParams, KeyPair};

use jiff::Timestamp;

use super::*;

fn minted(hosts: &[&str], labels: usize) -> Identity {
    let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let labels = vec!["label".parse().unwrap(); labels];
    let now = "2024-02-29T12:00:00Z".parse().unwrap();
    Identity::mint(&hosts, 8443, labels, now).unwrap()
}

#[test]
fn the_certificate_names_the_hosts_for_ten_years_and_is_pinned_by_its_key() {
    let hosts = ["echo.example", "203.0.113.7", "2001:db8::7"];
    let identity = minted(&hosts, 1);
    assert_eq!(identity.hosts(), hosts);
    let (_, certificate) = X509Certificate::from_der(&identity.certificate).unwrap();
    assert_eq!(certificate.subject(), certificate.issuer());
    let validity = certificate.validity();
    assert_eq!(
        validity.not_before.to_string(),
        "Feb 28 00:00:00 2024 +00:00"
    );
    assert_eq!(
        validity.not_after.to_string(),
        "Feb 28 00:00:00 2034 +00:00"
    );
    let pin = Sha256::digest(certificate.public_key().raw);
    assert_eq!(identity.pin(), Pin(pin.into()));
}

#[test]
fn connection_strings_are_what_clients_read() {
    let identity = minted(&["echo.example", "2001:db8::7"], 2);
    for key in identity.keys() {
        let string = identity.connection_string(key);
        assert_eq!(string.expose().parse(), Ok(string));
    }
}

#[test]
fn no_two_keys_are_alike() {
    let identity = minted(&["h.example"], 100);
    for (index, key) in identity.keys().iter().enumerate() {
        let others = &identity.keys()[index + 1..];
        assert!(
            others
                .iter()
                .all(|other| other.id != key.id && other.secret != key.secret)
        );
    }
    assert_eq!(identity.keyring().len(), 100);
}

#[test]
fn a_key_that_is_not_the_certificates_is_found_out() {
    let identity = minted(&["h.example"], 1);
    let other = minted(&["h.example"], 1);
    let mixed = Identity::assemble(identity.certificate, other.private_key, 8443, Vec::new());
    assert_eq!(mixed.unwrap_err(), UnusableCertificate::Mismatch);
    let garbage = CertificateDer::from(vec![0x30, 0]);
    let unreadable = Identity::assemble(garbage, identity.private_key, 8443, Vec::new());
    assert_eq!(unreadable.unwrap_err(), UnusableCertificate::Unreadable);
}

#[test]
fn what_was_saved_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let identity = minted(&["echo.example"], 2);
    identity.save_new(directory.path()).unwrap();
    let loaded = Identity::load(directory.path()).unwrap();
    assert_eq!(loaded.keys(), identity.keys());
    assert_eq!(format!("{loaded:?}"), format!("{identity:?}"));
    assert_eq!(loaded.certificate, identity.certificate);
}

#[test]
fn certificates_made_elsewhere_do_as_well() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let certificate = CertificateParams::new(vec![])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let private_key = key.serialize_der().try_into().unwrap();
    let der = certificate.der().clone();
    let identity = Identity::assemble(der, private_key, 8443, Vec::new()).unwrap();
    assert_eq!(identity.hosts(), [""; 0]);
}

#[test]
fn there_is_a_most_and_a_least_number_of_hosts() {
    let now = Timestamp::UNIX_EPOCH;
    for count in [0, MAX_HOSTS + 1] {
        let hosts = vec!["h.example".to_owned(); count];
        let error = Identity::mint(&hosts, 8443, [], now).unwrap_err();
        assert!(
            matches!(error, MintError::HostCount(found) if found == count),
            "{error}"
        );
    }
}

#[test]
fn a_certificate_is_served_until_its_last_second_and_looked_at_ever_after() {
    let directory = tempfile::tempdir().unwrap();
    minted(&["h.example"], 1)
        .save_new(directory.path())
        .unwrap();
    let served = |at: &str| Identity::load_to_serve(directory.path(), at.parse().unwrap());
    for at in ["1970-01-01T00:00:00Z", "2034-02-28T00:00:00Z"] {
        assert!(served(at).unwrap().without_next.is_none());
    }
    let [error] = served("2034-02-28T00:00:01Z")
        .unwrap_err()
        .into_each()
        .try_into()
        .unwrap();
    assert!(matches!(error, LoadError::Expired { .. }), "{error}");
    Identity::load(directory.path()).unwrap();
}

/// In RFC 5280 section 4.1.2.5, 99991231235959Z means that there is no end.
#[test]
fn a_certificate_may_have_no_end() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let mut parameters = CertificateParams::new(vec![]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let certificate = parameters.self_signed(&key).unwrap();
    assert_eq!(expiry(certificate.der()), None);
}
