//! `no-route`: this host has no route, or the next hop does not answer.

use crate::catalogue::VerdictId;
use crate::judge::evidence::Evidence;
use crate::verdict::{Confidence, Segment, Verdict};

/// Returns the verdict for a missing route in this host's own routing table.
pub(super) fn without_a_route(evidence: &Evidence<'_>) -> Verdict {
    let server = evidence.server_named();
    Verdict::new(
        VerdictId::NoRoute,
        Segment::ThisHost,
        Confidence::High,
        format!("this host has no usable route to {server}; no packet left it"),
    )
    .next(format!(
        "look up which route of this host applies (`ip route get {server}`; on Windows `route \
         print`): remove one that discards packets (blackhole, unreachable or prohibit), or add \
         the one that is missing; if no gateway is known, ask the network team for it"
    ))
}

/// Returns the verdict for a next hop that does not answer on the local network.
pub(super) fn next_hop_silent(evidence: &Evidence<'_>) -> Verdict {
    // The claim is the same for all ports, so it is reported once.
    let server = evidence.probe.server();
    let target = server.map_or_else(|| evidence.target(), |ip| ip.to_string());
    Verdict::new(
        VerdictId::NoRoute,
        Segment::NearNetwork,
        Confidence::Medium,
        format!(
            "the next hop on the way to {target} does not answer on the local network: the \
             gateway, or the server itself if it is on the same one; nothing was sent any \
             further"
        ),
    )
    .because(
        "this host itself reported \"host unreachable\", as it does when nothing answers its ARP \
         or neighbour discovery; a rule of its own firewall that rejects with that very message \
         looks the same",
    )
    .next(format!(
        "look up this host's next hop for {target} (`ip route get {target}`; on Windows `route \
         print`) and whether it answers (`ip neigh`, `arp -a`); if it does not, ask the team that \
         runs that gateway to check its power, link and VLAN, or correct this host's route; if it \
         does, look for a rule of this host's own firewall that rejects with \"host \
         unreachable\""
    ))
}
