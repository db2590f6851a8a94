//! Reads the certificate stores of this machine as a source. Windows assembles them for the account that runs this
//! program from the registry, from files, and from group policy.

use std::io;

use head_node::{
    CertificateStores, HeadNode, Origin, Reading, SourceRead, SourceState, Store, StoredCertificate,
};
use schannel::cert_context::HashAlgorithm;
use schannel::cert_store::{CertStore, CertStoreBuilder};

/// Adds the certificates of each store that `account` can open, and the problems with stores that cannot be opened.
pub(super) fn read(node: &mut HeadNode, account: &str) {
    let mut all = CertificateStores::default();
    let mut problems = Vec::new();
    for store in [
        Store::MachinePersonal,
        Store::MachineRoot,
        Store::UserPersonal,
    ] {
        match open(store).and_then(|opened| thumbprints(&opened)) {
            Ok(thumbprints) => {
                all.read.push(store);
                let stored = thumbprints
                    .into_iter()
                    .map(|thumbprint| StoredCertificate { store, thumbprint });
                all.certificates.extend(stored);
            }
            Err(error) => problems.push(format!("{} cannot be read: {error}", store.name())),
        }
    }
    let origin = Origin::LiveStores(account.to_owned());
    node.stores = if all.read.is_empty() {
        Reading::NotRead
    } else {
        Reading::Found(origin.clone(), all)
    };
    if !problems.is_empty() {
        let state = SourceState::Partly { problems };
        node.sources.push(SourceRead { origin, state });
    }
}

/// Opens a store read-only: only an administrator may open the machine's stores for writing.
fn open(store: Store) -> io::Result<CertStore> {
    let mut builder = CertStoreBuilder::new();
    builder.read_only();
    match store {
        Store::MachinePersonal => builder.open_local_machine("My"),
        Store::MachineRoot => builder.open_local_machine("Root"),
        Store::UserPersonal => builder.open_current_user("My"),
    }
}

fn thumbprints(store: &CertStore) -> io::Result<Vec<String>> {
    let certificates = store.certs().take(MAX_CERTIFICATES);
    certificates
        .map(|certificate| certificate.fingerprint(HashAlgorithm::sha1()))
        .map(|thumbprint| thumbprint.map(hex::encode_upper))
        .collect()
}

/// Maximum number of certificates in one store; Windows comes with hundreds.
const MAX_CERTIFICATES: usize = 10_000;

#[cfg(test)]
mod tests {
    use schannel::cert_store::Memory;
    use sha1::{Digest as _, Sha1};

    use super::*;

    #[test]
    fn a_certificate_is_known_by_its_thumbprint() {
        let made = rcgen::generate_simple_self_signed(["hpc.example".to_owned()]).unwrap();
        let certificate = made.cert.der();
        let mut memory = Memory::new().unwrap();
        memory.add_encoded_certificate(certificate).unwrap();
        assert_eq!(
            thumbprints(&memory.into_store()).unwrap(),
            [hex::encode_upper(Sha1::digest(certificate))]
        );
    }

    #[test]
    fn every_store_of_this_machine_can_be_read() {
        let mut node = HeadNode::default();
        read(&mut node, "tester");
        assert!(node.sources.is_empty(), "{:?}", node.sources);
        assert_eq!(node.stores.value().unwrap().read.len(), 3);
    }
}
