//! Tests failures that this host itself reports because a connection did not leave it.

use std::net::IpAddr;

use super::instances::refused;
use super::{evidence, judge};
use crate::catalogue::VerdictId;
use crate::judge::Evidence;
use crate::observation::{Failure, FailureKind, Origin};
use crate::verdict::Segment;

#[test]
fn a_next_hop_that_answers_no_arp_is_no_firewall() {
    let (v4, v6) = (OWN[0], OWN[1]);
    let silent = (VerdictId::NoRoute, Segment::NearNetwork);
    assert_eq!(verdict(v4, 3, 1), silent);
    assert_eq!(verdict(v6, 1, 3), silent);
    let forbidden = (VerdictId::BlockedOnThisHost, Segment::ThisHost);
    assert_eq!(verdict(v4, 3, 13), forbidden);
    assert_eq!(verdict(v4, 3, 3), forbidden);
    assert_eq!(verdict(v6, 1, 1), forbidden);
    // The same numbers have another meaning in the other address family.
    assert_eq!(verdict(v6, 3, 1), forbidden);
    let elsewhere = verdict([192, 0, 2, 1].into(), 3, 1);
    assert_eq!(elsewhere.0, VerdictId::ServerUnreachable);
}

fn verdict(sender: IpAddr, icmp_type: u8, code: u8) -> (VerdictId, Segment) {
    let mut probe = refused();
    let origin = Origin::Icmp {
        sender,
        icmp_type,
        code,
    };
    probe.observations[0].failure = Some(Failure::new(FailureKind::HostUnreachable, origin));
    let found = judge(&Evidence {
        own_addresses: &OWN,
        ..evidence(&probe)
    });
    (found.id, found.segment)
}

const OWN: [IpAddr; 2] = [
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 77)),
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 77)),
];
