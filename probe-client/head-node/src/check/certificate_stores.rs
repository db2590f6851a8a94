//! `certificate-stores`: which stores must contain the certificate, by version, and whether they do.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use jiff::Timestamp;
use probe_core::profile::Sourcing;

use super::{Certificate, WithOrigin as _};
use crate::{HeadNode, Reading, Store};

pub(super) fn ask(certificate: &Certificate<'_>, _now: Timestamp) -> Check {
    let id = CheckId::CertificateStores;
    let needed = needed(certificate.node);
    let Reading::Found(_, stores) = &certificate.node.stores else {
        return Check::new(
            id,
            CheckStatus::Skipped,
            format!(
                "the stores were not read; it belongs in {}",
                listed(&needed)
            ),
        );
    };
    let thumbprint = &certificate.bundle.leaf.thumbprint;
    let is_in = |store: Store| {
        let mut own = stores.certificates.iter().filter(|c| c.store == store);
        own.any(|c| c.thumbprint == *thumbprint)
    };
    let (read, unread): (Vec<Store>, Vec<Store>) =
        needed.iter().partition(|store| stores.read.contains(store));
    let missing: Vec<Store> = read.iter().copied().filter(|s| !is_in(*s)).collect();
    let check = if !missing.is_empty() {
        Check::new(
            id,
            CheckStatus::Fail,
            format!("it is not in {}", listed(&missing)),
        )
        .next(
            "Import the .pfx into My and the .cer into Root; see `fwprobe explain \
                   certificate-stores`.",
        )
    } else if unread.is_empty() {
        Check::new(
            id,
            CheckStatus::Pass,
            format!("it is in {}", listed(&needed)),
        )
    } else {
        let text = format!(
            "it is in {}; it belongs in {} too, which was not read",
            listed(&read),
            listed(&unread)
        );
        Check::new(id, CheckStatus::Skipped, text)
    };
    check
        .from(&certificate.node.stores)
        .resting_on(Sourcing::FromMemory)
}

/// Returns the stores that must contain the certificate.
///
/// The user's own store is needed only before HPC Pack 2012 SP1. It is left out if the version is not known.
fn needed(node: &HeadNode) -> Vec<Store> {
    let mut all = vec![Store::MachinePersonal, Store::MachineRoot];
    if node
        .releases()
        .last()
        .is_some_and(|newest| newest.pair() < (4, 1))
    {
        all.push(Store::UserPersonal);
    }
    all
}

fn listed(stores: &[Store]) -> String {
    let names: Vec<&str> = stores.iter().map(|store| store.name()).collect();
    names.join(", ")
}
