//! Finds where a device opened a connection anew, by the hop limit of the SYN that reached the server. Systems send
//! SYNs with a hop limit of 64, 128 or 255, and every router subtracts one.

use std::net::IpAddr;

use super::ending::testimony;
use super::evidence::Evidence;
use super::place::{Place, owner};
use crate::measurement::{Measurement, canonical};
use crate::verdict::Segment;
use crate::words;

/// Returns the likely place of the device that opened the probe's connection anew. `None` if no device did, or if the
/// hop limit or the length of the path is unknown.
pub(super) fn place(evidence: &Evidence<'_>) -> Option<Place> {
    if evidence.proxy().is_some() {
        return None;
    }
    let arrived = evidence.probe.reopened_with()?;
    let start = STARTS.into_iter().find(|start| *start >= arrived)?;
    let since = start - arrived;
    let routers = routers(evidence)?;
    let hop = routers.checked_sub(since)?;
    let fact = format!(
        "the SYN that reached the server has a hop limit of {arrived}: it most likely began with \
         {start} and has passed {} since, of {} on the whole way",
        counted(since),
        counted(routers)
    );
    Some(match (hop, since) {
        (0, _) => this_end(fact),
        (_, 0) => far_end(evidence, fact),
        (hop, _) => at(evidence, hop, fact),
    })
}

/// Returns how many routers lie between this host and the server, if all known distances agree.
fn routers(evidence: &Evidence<'_>) -> Option<u8> {
    let known = evidence.known_distances();
    let first = *known.first()?;
    let agree = known.iter().all(|distance| *distance == first);
    agree.then(|| first.saturating_sub(1))
}

fn this_end(fact: String) -> Place {
    Place {
        segment: Segment::NearNetwork,
        words: Some("on this host itself or before the first router".to_owned()),
        fact,
        whom: Some(
            "the admin of this host (its own security software first: web protection of a virus \
             scanner, endpoint protection, a local proxy), then the team that runs the network up \
             to its first router"
                .to_owned(),
        ),
    }
}

fn far_end(evidence: &Evidence<'_>, fact: String) -> Place {
    let own = testimony(evidence.probe);
    let local = own.and_then(|t| t.local).map(|l| canonical(l).ip());
    let peer = own.and_then(|t| t.peer).map(|p| canonical(p).ip());
    let by_the_host = peer.is_some_and(|peer| peer.is_loopback() || Some(peer) == local);
    let (segment, words, whom) = if by_the_host {
        (
            Segment::ServerHost,
            "on the server's host",
            "the admin of the server's host",
        )
    } else {
        (
            Segment::CloudEdge,
            "at the last router or behind it",
            "the cloud team (load balancer, gateway) and the team that runs the last router",
        )
    };
    Place {
        segment,
        words: Some(words.to_owned()),
        fact,
        whom: Some(whom.to_owned()),
    }
}

fn at(evidence: &Evidence<'_>, hop: u8, fact: String) -> Place {
    let own = own_address(evidence);
    let surveys = evidence
        .same_server
        .iter()
        .filter_map(|m| m.survey.as_ref());
    let surveyed = surveys.into_iter().find_map(|s| s.address_of(hop));
    let address = own.or(surveyed);
    let named = match (surveyed, own) {
        // A router has several addresses.
        (Some(answers), Some(own)) if answers != own => {
            format!("hop {hop} ({answers}, which connects from {own})")
        }
        (Some(address), _) | (None, Some(address)) => format!("hop {hop} ({address})"),
        (None, None) => format!("hop {hop}"),
    };
    Place {
        segment: Segment::Path {
            hop: Some(hop),
            address,
        },
        words: Some(format!("at {named}, or between it and hop {}", hop + 1)),
        fact,
        whom: Some(owner(&format!("hop {hop}"), address)),
    }
}

/// Returns the address from which the connection came, if none of this host's own connections came from it.
fn own_address(evidence: &Evidence<'_>) -> Option<IpAddr> {
    let peer = |m: &Measurement| testimony(m)?.peer.map(|p| canonical(p).ip());
    let own = peer(evidence.probe)?;
    let mut kept = evidence
        .same_server
        .iter()
        .filter(|m| m.server_distance().is_some())
        .filter_map(|m| peer(m));
    let is_this_host = evidence.probe.local.map(|l| canonical(l).ip()) == Some(own);
    (!is_this_host && !kept.any(|other| other == own)).then_some(own)
}

fn counted(routers: u8) -> String {
    match routers {
        0 => "no router".to_owned(),
        n => words::counted(n, "router"),
    }
}

/// Initial hop limits: 64 on Linux, macOS and most appliances; 128 on Windows; 255 on Cisco and Solaris.
const STARTS: [u8; 3] = [64, 128, 255];
