//! `no-route` and `blocked-on-this-host`: the connection did not leave this host, or did not reach its next hop. The
//! error number alone never decides; the evidence must show that no other host's packet was involved.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::observation::{Failure, FailureKind, Origin};
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::NotConnected(failure) = evidence.ending() else {
        return None;
    };
    if !of_this_host(failure, evidence) {
        return None;
    }
    let target = evidence.target();
    let unroutable = matches!(
        failure.kind,
        FailureKind::HostUnreachable | FailureKind::NetworkUnreachable
    );
    // A route cannot refuse. An ICMP error or a reset that this host itself sends comes from its firewall.
    let own_firewall = failure.kind == FailureKind::PermissionDenied
        || matches!(failure.origin, Origin::Icmp { .. });
    let mut verdict = if says_unresolved(failure) {
        next_hop_silent(evidence)
    } else if own_firewall {
        blocked(&target)
    } else if unroutable {
        no_route(&target)
    } else if failure.kind == FailureKind::LocalResource {
        exhausted(&target)
    } else {
        return None;
    };
    verdict.evidence.extend(evidence.seen());
    Some(verdict)
}

fn of_this_host(failure: &Failure, evidence: &Evidence<'_>) -> bool {
    match failure.origin {
        Origin::ThisHost => true,
        Origin::Icmp { sender, .. } => evidence.own_addresses.contains(&sender),
        Origin::Unknown | Origin::Peer => false,
    }
}

/// Returns whether this host told itself that a host is unreachable. Linux does so if the next hop does not answer ARP
/// (RFC 792) or neighbour solicitation (RFC 4861 section 7.2.2).
fn says_unresolved(failure: &Failure) -> bool {
    let Origin::Icmp {
        sender,
        icmp_type,
        code,
    } = failure.origin
    else {
        return false;
    };
    let host_unreachable = if sender.is_ipv6() { (1, 3) } else { (3, 1) };
    (icmp_type, code) == host_unreachable
}

fn next_hop_silent(evidence: &Evidence<'_>) -> Verdict {
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
        "this host told itself \"host unreachable\", as it does when nobody answers its ARP \
              or neighbour discovery; a rule of its own firewall that rejects with that very \
              message looks the same",
    )
    .next(format!(
        "look up this host's next hop for {target} (`ip route get {target}`; on Windows `route \
         print`) and whether it answers (`ip neigh`, `arp -a`); if it does not, ask the team that \
         runs that gateway to check its power, link and VLAN, or correct this host's route; if it \
         does, look for a rule of this host's own firewall that rejects with \"host \
         unreachable\""
    ))
}

fn blocked(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::BlockedOnThisHost,
        Segment::ThisHost,
        Confidence::High,
        format!("this host itself forbids the connection to {target}; no packet left it"),
    )
    .next(format!(
        "ask the admin of this host to allow outbound TCP to {target} in its own firewall and \
         security software (nftables or iptables, Windows Firewall's outbound rules, an endpoint \
         agent); such a rule may be bound to a program or user, so have it allow the application \
         as well as fwprobe"
    ))
}

fn no_route(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::NoRoute,
        Segment::ThisHost,
        Confidence::High,
        format!("this host has no route to {target}; no packet left it"),
    )
    .next(format!(
        "check this host's routing table and default gateway for the address family of {target} \
         (`ip route`, `ip -6 route`; on Windows `route print`), and add the route or have the \
         network team name the gateway"
    ))
}

fn exhausted(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::Inconclusive,
        Segment::ThisHost,
        Confidence::High,
        format!("this host ran out of sockets or ports before {target} was dialled"),
    )
    .next(
        "raise the limit of open files for this user (`ulimit -n`) or free local ports (`ss -s` \
         counts them), or probe fewer rules at a time (--port), and run again",
    )
}
