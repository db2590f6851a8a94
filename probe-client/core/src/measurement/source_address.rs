//! The address from which a probe leaves this host, the address from which it reaches the server, and whether a device
//! on the way opened its connection anew.

use std::collections::BTreeSet;
use std::net::IpAddr;

use proto::syn::{SynHeader, is_marked};

use super::{Measurement, canonical};

impl Measurement {
    /// Returns the hop limit of the SYN that reached the server, if that SYN is not this host's own: a device opened
    /// the connection anew.
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

/// Returns a note in words on the address from which the server saw `probe`, or else other sessions over this path, if
/// that is not `source`; empty if it is. A proxy connects from its own address, which is no translation of this host's.
pub fn seen_as<'a>(
    probe: &Measurement,
    same_server: impl Iterator<Item = &'a Measurement>,
    source: Option<IpAddr>,
) -> String {
    if !probe.path.is_direct() {
        return String::new();
    }
    let own = own_peers(probe);
    let seen = if own.len() == 1 {
        own
    } else {
        // A device that opens the connections of another port anew says nothing about this port.
        egress_addresses(probe, same_server.filter(|m| m.reopened_with().is_none()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::{MatchedBy, Sighting, SightingAnswer, SightingEnd};
    use crate::recorded::Recorded;
    use crate::session::Testimony;

    /// Returns a session that ran whole over loopback, without a device on the way.
    fn whole() -> Measurement {
        let text = include_str!("../../tests/scenarios/demo.json");
        let probes = Recorded::read(text).probes.into_iter();
        let mut all = probes.map(|probe| probe.measurement);
        all.find(|m| m.ran_whole() && m.reopened_with().is_none())
            .unwrap()
    }

    fn testimony(measurement: &mut Measurement) -> &mut Testimony {
        let session = measurement.session.as_mut().unwrap();
        session.testimony.as_mut().unwrap()
    }

    /// Returns a session that came from this address, as the server saw it.
    fn seen_from(address: &str) -> Measurement {
        let mut session = whole();
        testimony(&mut session).peer = Some(address.parse().unwrap());
        session
    }

    /// Returns the session as if a device on the way had sent the SYN that reached the server.
    fn reopened(mut session: Measurement) -> Measurement {
        // The hop limit in an IPv4 header.
        testimony(&mut session).syn.as_mut().unwrap().0[8] = 60;
        session
    }

    /// Returns a probe without a testimony. The server saw its connections come from these addresses.
    fn sighted(peers: &[&str]) -> Measurement {
        let mut probe = whole();
        probe.session = None;
        let seen = peers.iter().map(|peer| Sighting {
            matched_by: MatchedBy::Address,
            peer: Some(peer.parse().unwrap()),
            bytes_received: 0,
            bytes_sent: 0,
            end: SightingEnd::Open,
            tls_error: None,
            unaltered_prefix: 0,
            altered_within: None,
            client_hello_unaltered: None,
        });
        probe.sighting = Some(SightingAnswer {
            sightings: seen.collect(),
            unattributed: false,
            unasked: false,
            sees_half_open: true,
            sees_every_syn: false,
            answers_refused: None,
        });
        probe
    }

    fn note(probe: &Measurement, others: &[&Measurement]) -> String {
        let source = whole().local.map(|local| local.ip());
        seen_as(probe, others.iter().copied(), source)
    }

    #[test]
    fn a_connection_that_was_opened_anew_has_another_hop_limit() {
        assert_eq!(whole().reopened_with(), None);
        let mut relayed = reopened(whole());
        assert_eq!(relayed.reopened_with(), Some(60));
        relayed.session.as_mut().unwrap().hop_limit_mark = None;
        assert_eq!(relayed.reopened_with(), None);
        let mut unsaved = reopened(whole());
        testimony(&mut unsaved).syn = None;
        assert_eq!(unsaved.reopened_with(), None);
        assert_eq!(sighted(&[]).reopened_with(), None);
    }

    #[test]
    fn the_address_behind_a_nat_is_noted_and_this_hosts_own_is_not() {
        let outside = " (the server saw this host as 198.51.100.9)";
        let translated = seen_from("198.51.100.9:40000");
        assert_eq!(note(&translated, &[]), outside);
        assert_eq!(note(&whole(), &[]), "");
        assert_eq!(note(&seen_from("[::ffff:127.0.0.1]:40000"), &[]), "");
        assert_eq!(seen_as(&translated, std::iter::empty(), None), "");
        // What the server saw of the probe itself counts for more than other sessions.
        assert_eq!(note(&translated, &[&seen_from("198.51.100.10:1")]), outside);
        assert_eq!(note(&whole(), &[&translated]), "");
        let sighted = sighted(&["198.51.100.9:40000", "198.51.100.9:40001"]);
        assert_eq!(note(&sighted, &[&seen_from("198.51.100.10:1")]), outside);
    }

    #[test]
    fn other_sessions_over_the_same_path_stand_in_for_a_probe_that_the_server_did_not_see() {
        let unseen = sighted(&[]);
        let (one, other) = (seen_from("198.51.100.9:1"), seen_from("198.51.100.10:1"));
        let single = " (the server saw this host as 198.51.100.9)";
        let both = " (the server saw this host as 198.51.100.9 or 198.51.100.10)";
        assert_eq!(note(&unseen, &[]), "");
        assert_eq!(note(&unseen, &[&one, &one]), single);
        assert_eq!(note(&unseen, &[&other, &one]), both);
        // Two addresses do not show which one is the probe's own.
        let unsure = sighted(&["203.0.113.5:1", "203.0.113.6:1"]);
        assert_eq!(note(&unsure, &[&one]), single);
        assert_eq!(note(&unseen, &[&reopened(one.clone())]), "");
        let elsewhere = Measurement {
            path: "socks5h://10.0.0.1:1080".parse().unwrap(),
            ..one
        };
        assert_eq!(note(&unseen, &[&elsewhere]), "");
    }

    #[test]
    fn an_egress_address_is_one_on_which_all_sessions_agree() {
        let unseen = sighted(&[]);
        let (one, other) = (seen_from("198.51.100.9:1"), seen_from("198.51.100.10:1"));
        let of = |others: &[&Measurement]| egress_address(&unseen, others.iter().copied());
        let expected: IpAddr = [198, 51, 100, 9].into();
        assert_eq!(of(&[&one, &one]), Some(expected));
        assert_eq!(of(&[&one, &other]), None);
        assert_eq!(of(&[]), None);
    }
}
