//! `connection-relayed`: the session was verified, but the SYN that reached the server was not this host's own.

use proto::syn::{SynHeader, is_marked};

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use super::super::reopened;
use crate::catalogue::FindingId;
use crate::measurement::canonical;
use crate::verdict::Finding;

pub(super) fn look(evidence: &Evidence<'_>) -> Option<Finding> {
    // A proxy is meant to open connections anew.
    if evidence.proxy().is_some() {
        return None;
    }
    let testimony = testimony(evidence.probe)?;
    let syn = testimony.syn.as_ref()?;
    let mark = evidence.session()?.hop_limit_mark?;
    let arrived = SynHeader::parse(&syn.0).ok()?.hop_limit;
    let keeps_address = evidence.probe.local.map(canonical) == testimony.peer.map(canonical);
    // A changed address or port shows that the connection was opened anew. An unchanged one shows nothing.
    let claim = if keeps_address {
        "a device opened the connection anew on its way, or set its hop limit"
    } else {
        "a device opened the connection anew on its way"
    };
    let place = reopened::place(evidence).and_then(|place| place.words);
    let place = place.map_or_else(String::new, |words| format!("; that was likely {words}"));
    (!is_marked(arrived, mark)).then(|| {
        Finding::new(FindingId::ConnectionRelayed, claim).with_detail(format!(
            "the SYN left here with hop limit {mark}, and one with {arrived} arrived{place}"
        ))
    })
}
