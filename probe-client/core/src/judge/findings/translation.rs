//! `source-address-translated` and `egress-address-differs`: the address under which the cloud sees this host.

use std::net::IpAddr;

use super::super::ending::testimony;
use super::super::evidence::Evidence;
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

/// Reports that connections to different ports of one server leave under different addresses. The claim is the same for
/// each of these ports, so a report says it once.
pub(super) fn egress(evidence: &Evidence<'_>) -> Option<Finding> {
    let mine = testimony(evidence.probe)?.peer?.ip();
    let mut others: Vec<IpAddr> = evidence
        .same_server
        .iter()
        .filter_map(|m| Some(testimony(m)?.peer?.ip()))
        .filter(|ip| *ip != mine)
        .collect();
    others.sort_unstable();
    others.dedup();
    let listed: Vec<String> = others.iter().map(ToString::to_string).collect();
    (!listed.is_empty()).then(|| {
        Finding::new(
            FindingId::EgressAddressDiffers,
            "ports of one server leave under different addresses: an allow list on the cloud \
             side needs, for each port, the address of that port",
        )
        .with_detail(format!(
            "this one as {mine}, others as {}",
            listed.join(", ")
        ))
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
