//! `connection-relayed`: verified, but the SYN that reached the server was not this host's own.

use proto::syn::{SynHeader, is_marked};

use super::super::evidence::{Evidence, testimony};
use crate::catalogue::FindingId;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    // A proxy does what it is there for.
    if evidence.proxy().is_some() {
        return None;
    }
    let syn = testimony(evidence.probe)?.syn.as_ref()?;
    let mark = evidence.session()?.hop_limit_mark?;
    let arrived = SynHeader::parse(&syn.0).ok()?.hop_limit;
    (!is_marked(arrived, mark)).then(|| {
        Finding::new(
            FindingId::ConnectionRelayed,
            "a device opened the connection anew on its way",
        )
        .with_detail(format!(
            "the SYN left here with hop limit {mark}, and one with {arrived} arrived"
        ))
    })
}
