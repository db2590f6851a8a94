//! The team to ask about a place on the path.

use std::net::IpAddr;

use super::super::evidence::Evidence;
use crate::survey::Survey;
use crate::verdict::Segment;

/// Returns the team to ask about `segment`. `last` is the last hop that the packets passed, 0 if none.
pub(super) fn whom(survey: &Survey, segment: &Segment, last: u8, perhaps_host: bool) -> String {
    match segment {
        Segment::Path {
            hop: Some(hop),
            address,
        } => owner(&format!("hop {hop}"), *address),
        Segment::NearNetwork => {
            "the admin of this host and the team that runs the network up to its first router"
                .to_owned()
        }
        Segment::CloudEdge => {
            let router = owner(&format!("hop {last}"), survey.address_of(last));
            let host = if perhaps_host {
                ", the server's admin (that host's own firewall)"
            } else {
                ""
            };
            format!("the cloud team (network security group){host} and {router}")
        }
        Segment::None
        | Segment::ThisHost
        | Segment::Path { .. }
        | Segment::ServerHost
        | Segment::Proxy
        | Segment::Unknown => "the firewall team".to_owned(),
    }
}

/// Returns the team to ask about the last device before the server's host, which is `distance` hops away.
pub(in super::super) fn keepers_of_the_last_device(
    evidence: &Evidence<'_>,
    distance: u8,
) -> String {
    let router = distance.checked_sub(1).filter(|last| *last > 0);
    match (evidence.survey(), router) {
        (Some(survey), Some(last)) => {
            let router = owner(&format!("hop {last}"), survey.address_of(last));
            format!("the cloud team (network security group) and {router}")
        }
        _ => "the cloud team (network security group)".to_owned(),
    }
}

/// Returns the team to ask about the device at `hop`, which is in words, for example `hop 2`.
pub(in super::super) fn owner(hop: &str, address: Option<IpAddr>) -> String {
    match address {
        Some(address) if is_private(address) => format!(
            "the team that runs {address} ({hop} on the way; a private address: a router or \
             firewall of your own network, your VPN or your provider)"
        ),
        Some(address) => format!(
            "the operator of {address} ({hop} on the way; `whois {address}` names the network and \
             its contact)"
        ),
        None if hop == "hop 1" => {
            "the team that runs this host's default gateway (hop 1 on the way)".to_owned()
        }
        None => {
            format!("the network team about {hop} on the way (a router whose address did not show)")
        }
    }
}

/// Returns whether an address is private: RFC 1918, RFC 6598 (shared by carriers), RFC 3927, RFC 4193 and RFC 4291
/// section 2.5.6.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
