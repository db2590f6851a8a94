//! `source-address-translated` and `egress-address-differs`: the address under which the cloud sees this host.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use super::super::words::in_a_sentence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

/// Reports that the server saw an address other than the one this host used.
pub(super) fn source(evidence: &Evidence<'_>) -> Option<Finding> {
    // A proxy connects from its own address, as it should; see `egress`.
    if evidence.proxy().is_some() {
        return None;
    }
    let seen = testimony(evidence.probe)?.peer?;
    let own = evidence.probe.local?;
    (seen.ip() != own.ip().to_canonical()).then(|| {
        Finding::new(
            FindingId::SourceAddressTranslated,
            format!(
                "the server sees {} where this host used {}",
                seen.ip(),
                own.ip()
            ),
        )
    })
}

/// Reports that connections to one server leave under different addresses. The claim is the same for each port, so a
/// report says it once.
pub(super) fn egress(evidence: &Evidence<'_>) -> Option<Finding> {
    let mine = testimony(evidence.probe)?.peer?.ip();
    let seen = evidence.same_server.iter();
    let seen: BTreeSet<IpAddr> = seen
        .filter_map(|m| Some(testimony(m)?.peer?.ip()))
        .collect();
    (seen.len() > 1).then(|| {
        let listed: Vec<String> = seen.iter().map(ToString::to_string).collect();
        Finding::new(
            FindingId::EgressAddressDiffers,
            format!(
                "the server saw this host's connections come from {}: an allow list on the cloud \
                 side needs each of these addresses",
                in_a_sentence(&listed)
            ),
        )
        .with_detail(format!("this one from {mine}"))
    })
}

/// Reports that a proxy connects from an address other than the one this host uses without it.
pub(super) fn egress_by_path(evidence: &Evidence<'_>) -> Option<Finding> {
    let proxy = evidence.proxy()?;
    let mine = testimony(evidence.probe)?.peer?.ip();
    let mut direct: Vec<IpAddr> = evidence
        .other_paths()
        .filter(|m| m.path.is_direct())
        .filter_map(|m| Some(testimony(m)?.peer?.ip()))
        .filter(|ip| ip.is_ipv4() == mine.is_ipv4())
        .collect();
    direct.sort_unstable();
    direct.dedup();
    let listed: Vec<String> = direct.iter().map(ToString::to_string).collect();
    (!direct.is_empty() && !direct.contains(&mine)).then(|| {
        Finding::new(
            FindingId::EgressAddressDiffers,
            format!(
                "sessions through {proxy} arrive from {mine}, direct ones from {}: the cloud side \
                 must allow each",
                listed.join(", ")
            ),
        )
    })
}
