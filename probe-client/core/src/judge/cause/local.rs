//! `no-route` and `blocked-on-this-host`: the connection did not leave this host, or did not reach its next hop. The
//! error number alone never decides; the evidence must show that no other host's packet was involved.

use super::super::ending::Ending;
use super::super::evidence::Evidence;
use crate::catalogue::VerdictId;
use crate::observation::{Failure, FailureKind, Origin};
use crate::verdict::{Confidence, Segment, Verdict};

mod blocked_on_this_host;
mod no_route;

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
    // A missing route refuses nothing, so an ICMP error or a reset that this host itself sends comes from its firewall.
    let own_firewall = failure.kind == FailureKind::PermissionDenied
        || matches!(failure.origin, Origin::Icmp { .. });
    let mut verdict = if says_unresolved(failure) {
        no_route::next_hop_silent(evidence)
    } else if own_firewall {
        blocked_on_this_host::by_a_rule(&target)
    } else if unroutable {
        no_route::without_a_route(evidence)
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

/// Returns whether this host itself reported that a host is unreachable. Linux does so if the next hop does not answer
/// ARP (RFC 792) or neighbour solicitation (RFC 4861 section 7.2.2).
fn says_unresolved(failure: &Failure) -> bool {
    let Some((sender, icmp_type, code)) = failure.origin.icmp() else {
        return false;
    };
    let host_unreachable = if sender.is_ipv6() { (1, 3) } else { (3, 1) };
    (icmp_type, code) == host_unreachable
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
