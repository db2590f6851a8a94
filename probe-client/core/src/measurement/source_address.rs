//! The address from which a probe leaves this host, and the address from which it reaches the server.

use std::net::IpAddr;

use super::{Measurement, canonical};

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
    let same_path = same_server.filter(|m| m.path == probe.path);
    let mut seen = same_path
        .filter_map(|m| m.session.as_ref()?.testimony.as_ref()?.peer)
        .map(|peer| canonical(peer).ip());
    let first = seen.next()?;
    seen.all(|other| other == first).then_some(first)
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
