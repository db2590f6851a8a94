//! The address from which a probe leaves this host, the address from which it reaches the server, and whether a device
//! on the way opened its connection anew.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proto::syn::{SynHeader, is_marked};

use super::{Measurement, canonical};

impl Measurement {
    /// Returns the hop limit of the SYN that reached the server, if that SYN is not this host's own: a device opened the
    /// connection anew.
    pub fn reopened_with(&self) -> Option<u8> {
        let session = self.session.as_ref()?;
        let syn = session.testimony.as_ref()?.syn.as_ref()?;
        let arrived = SynHeader::parse(&syn.0).ok()?.hop_limit;
        (!is_marked(arrived, session.hop_limit_mark?)).then_some(arrived)
    }
}

/// Returns the address from which `probe` leaves this host, as far as it is known.
///
/// That is its own address, or that of another connection to the same server, or the only address in `own` that fits.
pub fn source_address<'a>(
    probe: &Measurement,
    same_server: impl Iterator<Item = &'a Measurement>,
    own: &[IpAddr],
) -> Option<IpAddr> {
    let others = same_server.filter_map(|m| m.local);
    let known = probe.local.into_iter().chain(others);
    let known = known.map(|local| canonical(local).ip());
    // A socket that never had an address of its own reports the unspecified one.
    let mut known = known.filter(|ip| !ip.is_unspecified());
    known.next().or_else(|| {
        let server = probe.server()?;
        let mut fit = own.iter().filter(|ip| {
            let usable = !ip.is_loopback() && !ip.is_unspecified() && !is_link_local(**ip);
            ip.is_ipv4() == server.is_ipv4() && usable
        });
        let only = fit.next()?;
        (fit.next().is_none() && !server.is_loopback()).then_some(*only)
    })
}

/// Returns the address from which the server saw the sessions over the path of `probe`, if all of them agree.
pub fn egress_address<'a>(
    probe: &Measurement,
    same_server: impl Iterator<Item = &'a Measurement>,
) -> Option<IpAddr> {
    match Vec::from_iter(egress_addresses(probe, same_server)).as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Returns a note in words on the address from which the server saw `probe`, or else its other sessions over this path,
/// if that is not `source`; empty if it is.
pub fn seen_as<'a>(
    probe: &Measurement,
    same_server: impl Iterator<Item = &'a Measurement>,
    source: Option<IpAddr>,
) -> String {
    let own = own_peers(probe);
    let seen = if own.len() == 1 {
        own
    } else {
        egress_addresses(probe, same_server)
    };
    if source.is_none() || seen.iter().all(|address| Some(*address) == source) {
        return String::new();
    }
    let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
    format!(" (the server saw this host as {})", seen.join(" or "))
}

/// Returns the addresses from which the server saw `probe` itself.
fn own_peers(probe: &Measurement) -> BTreeSet<IpAddr> {
    let session = probe.session.as_ref();
    let testified = session.and_then(|s| s.testimony.as_ref()?.peer);
    let sightings = probe.sighting.iter().flat_map(|answer| &answer.sightings);
    let seen = testified.map_or_else(
        || sightings.filter_map(|s| s.peer).collect(),
        |peer| vec![peer],
    );
    seen.into_iter().map(|peer| canonical(peer).ip()).collect()
}

/// Returns the addresses from which the server saw the sessions over the path of `probe`.
fn egress_addresses<'a>(
    probe: &Measurement,
    same_server: impl Iterator<Item = &'a Measurement>,
) -> BTreeSet<IpAddr> {
    let same_path = same_server.filter(|m| m.path == probe.path);
    same_path
        .filter_map(|m| m.session.as_ref()?.testimony.as_ref()?.peer)
        .map(|peer| canonical(peer).ip())
        .collect()
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
