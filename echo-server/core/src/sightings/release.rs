//! Decides which client may see which sighting. The first bytes of a connection prove who owns it, from any source
//! address. If they never arrived, or arrived altered, the source address decides.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use proto::key::KeyId;

use super::{Attribution, Fate, PrefixDigest, Sighting};
use crate::session::{End, SessionId};
use crate::time::UnixMillis;

/// A client that asks for sightings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub key: KeyId,
    /// The client's address as this server sees it. `None` if that is not the client's own, because of source NAT on
    /// the server's side: then only digests release anything.
    pub address: Option<IpAddr>,
}

/// One connection that the asking client says it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The asking client's own name for the connection.
    pub tag: u32,
    /// The port that the asking client dialled.
    pub port: u16,
    /// Digests of the bytes sent, at any lengths.
    pub prefixes: Vec<PrefixDigest>,
    /// The time in which the connection can have been accepted, by the server's clock.
    pub window: RangeInclusive<UnixMillis>,
    /// The session that the connection was to carry; `None` if it was never begun.
    pub session: Option<SessionId>,
    /// The source port on the asking client's host, which address translation may have changed; `None` if it is not
    /// known.
    pub source_port: Option<u16>,
    /// Whether the connection must have used the same IP version as the asking client's control connection.
    pub same_ip_version: bool,
}

/// The reason why a sighting is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The first bytes are the asking client's.
    Digest,
    /// The asking client's address, the port and the time fit.
    Address,
}

/// The answer about one of the asking client's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    pub tag: u32,
    /// Whether sightings of connections in that window may be missing, because the server cannot tell whose they are or
    /// has forgotten them. A missing sighting then proves nothing.
    pub unattributed: bool,
    /// The sighting, or `None` if nothing is released.
    pub sighting: Option<(Match, Sighting)>,
}

/// The sightings that may answer a question. They are found in one pass, because the server cannot accept connections
/// meanwhile.
struct FoundSightings<'a> {
    /// The sightings by first bytes; the newest few for each digest.
    by_digest: BTreeMap<&'a PrefixDigest, Vec<&'a Sighting>>,
    /// The sightings that may be released by address, and the connections whose owner is in doubt, for each port that
    /// the client asks about. The port is a listener's own or the one that clients dial for it. The newest come first.
    by_port: BTreeMap<u16, (Vec<&'a Sighting>, Vec<Doubtful>)>,
}

/// A connection that may be the asking client's, but is not released to it.
struct Doubtful {
    accepted: UnixMillis,
    /// Whether the connection uses the same IP version as the asking client's control connection.
    same_ip_version: bool,
}

/// Answers a client's question. `incomplete` returns whether sightings of a connection may be missing.
pub(super) fn release<'a>(
    newest_first: impl Iterator<Item = &'a Sighting>,
    viewer: &Viewer,
    sent: &'a [Sent],
    incomplete: impl Fn(&Sent) -> bool,
) -> Vec<Released> {
    let all = FoundSightings::among(newest_first, viewer, sent);
    let mut released = Vec::new();
    for sent in sent {
        let (found, why) = match all.by_digest_of(sent) {
            none if none.is_empty() => (all.by_address_of(sent), Match::Address),
            found => (found, Match::Digest),
        };
        let (tag, unattributed) = (sent.tag, incomplete(sent) || all.leaves_in_doubt(sent));
        let of = |sighting| Released {
            tag,
            unattributed,
            sighting,
        };
        if found.is_empty() {
            released.push(of(None));
        }
        released.extend(found.into_iter().map(|s| of(Some((why, s.clone())))));
    }
    released
}

impl<'a> FoundSightings<'a> {
    fn among(
        newest_first: impl Iterator<Item = &'a Sighting>,
        viewer: &Viewer,
        sent: &'a [Sent],
    ) -> Self {
        let prefixes = sent.iter().flat_map(|sent| &sent.prefixes);
        let ports = sent.iter().map(|sent| sent.port);
        let mut found = Self {
            by_digest: prefixes.map(|prefix| (prefix, Vec::new())).collect(),
            by_port: ports.map(|port| (port, Default::default())).collect(),
        };
        for sighting in newest_first {
            if !found.takes_by_digest(sighting) {
                found.place(sighting, viewer);
            }
        }
        for (visible, doubtful) in found.by_port.values_mut() {
            visible.sort_by_key(|sighting| Reverse(sighting.accepted));
            doubtful.sort_unstable_by_key(|doubtful| Reverse(doubtful.accepted));
        }
        found
    }

    /// Stores the sighting if the client asks about its first bytes, which proves that the sighting is the client's.
    /// Returns whether the sighting was stored.
    fn takes_by_digest(&mut self, sighting: &'a Sighting) -> bool {
        let mut taken = false;
        for prefix in sighting.telling_prefixes() {
            if let Some(of_digest) = self.by_digest.get_mut(prefix) {
                taken = true;
                if of_digest.len() < MAX_RELEASED {
                    of_digest.push(sighting);
                }
            }
        }
        taken
    }

    fn place(&mut self, sighting: &'a Sighting, viewer: &Viewer) {
        let local = sighting.local.port();
        let dialled = sighting.public_port.filter(|port| *port != local);
        let (may_see, in_doubt) = (viewer.may_see(sighting), viewer.cannot_place(sighting));
        for port in [Some(local), dialled].into_iter().flatten() {
            let Some((visible, doubtful)) = self.by_port.get_mut(&port) else {
                continue;
            };
            if may_see {
                visible.push(sighting);
            } else if in_doubt {
                doubtful.push(Doubtful {
                    accepted: sighting.accepted,
                    same_ip_version: viewer.may_be_of_its_ip_version(sighting),
                });
            }
        }
    }

    fn by_digest_of(&self, sent: &Sent) -> Vec<&'a Sighting> {
        let of_each = sent.prefixes.iter().filter_map(|p| self.by_digest.get(p));
        let mut found: Vec<&Sighting> = of_each.flatten().copied().collect();
        found.sort_unstable_by_key(|sighting| Reverse(sighting.id));
        found.dedup_by_key(|sighting| sighting.id);
        found.truncate(MAX_RELEASED);
        found
    }

    fn by_address_of(&self, sent: &Sent) -> Vec<&'a Sighting> {
        let visible = self.by_port.get(&sent.port).map(|(visible, _)| visible);
        let within = visible.map(|visible| sent.within(visible, |sighting| sighting.accepted));
        let fitting = within
            .into_iter()
            .flatten()
            .copied()
            .filter(|sighting| sent.may_have_carried(sighting));
        // The asking client may have opened far more connections to that port than are released, so sightings with the
        // source port of this connection come first.
        let own = |sighting: &&Sighting| Some(sighting.peer.port()) == sent.source_port;
        let others = fitting.clone().filter(|sighting| !own(sighting));
        fitting
            .filter(own)
            .chain(others)
            .take(MAX_RELEASED)
            .collect()
    }

    fn leaves_in_doubt(&self, sent: &Sent) -> bool {
        let doubtful = self.by_port.get(&sent.port).map(|(_, doubtful)| doubtful);
        let within = doubtful.map(|doubtful| sent.within(doubtful, |doubtful| doubtful.accepted));
        let mut within = within.into_iter().flatten();
        within.any(|doubtful| doubtful.same_ip_version || !sent.same_ip_version)
    }
}

impl Sent {
    /// Returns whether the sighting may be of this connection: if a greeting named a session, it must be the same one.
    fn may_have_carried(&self, sighting: &Sighting) -> bool {
        let greeted = sighting.notice.session;
        greeted.is_none() || greeted == self.session
    }

    /// Returns the members of `newest_first` whose time fits this connection.
    fn within<'a, T>(&self, newest_first: &'a [T], accepted: impl Fn(&T) -> UnixMillis) -> &'a [T] {
        let first = newest_first.partition_point(|it| accepted(it) > *self.window.end());
        let end = newest_first.partition_point(|it| accepted(it) >= *self.window.start());
        newest_first.get(first..end).unwrap_or_default()
    }
}

impl Sighting {
    /// Returns the prefixes that only this connection's owner can name. A prefix that ends within the bytes that all
    /// connections of a kind begin with, for example the preamble of MC-NMF, proves nothing. The session has parsed
    /// that part and knows where it ends.
    fn telling_prefixes(&self) -> impl Iterator<Item = &PrefixDigest> {
        let from = self.notice.unique_from.unwrap_or(u32::MAX);
        self.notice
            .prefixes
            .iter()
            .filter(move |prefix| prefix.bytes >= from)
    }

    fn is_of_another_than(&self, key: &KeyId) -> bool {
        match &self.notice.attribution {
            Attribution::Nobody => false,
            Attribution::Key(owner) => owner != key,
            Attribution::SeveralKeys => true,
        }
    }
}

impl Viewer {
    /// Returns whether a sighting may be released by its address.
    fn may_see(&self, sighting: &Sighting) -> bool {
        sighting.notice.fate != Fate::Control
            && self.address.map(|ip| ip.to_canonical()) == Some(sighting.peer.ip())
            && !sighting.is_of_another_than(&self.key)
    }

    fn may_be_of_its_ip_version(&self, sighting: &Sighting) -> bool {
        let its = self.address.map(|ip| ip.to_canonical().is_ipv4());
        its.is_none_or(|is_ipv4| is_ipv4 == sighting.peer.is_ipv4())
    }

    /// Returns whether a sighting might be the asking client's although it is not released to that client. This is so
    /// if the address does not fit, unless the connection is known to be another client's, or carried a session of the
    /// asking client that ran to its end.
    fn cannot_place(&self, sighting: &Sighting) -> bool {
        let concluded = sighting.notice.fate == Fate::Ended(End::Completed)
            && sighting.notice.attribution == Attribution::Key(self.key.clone());
        sighting.notice.fate != Fate::Control
            && !self.may_see(sighting)
            && !sighting.is_of_another_than(&self.key)
            && !concluded
    }
}

/// The maximum number of sightings released for one connection, the newest first. More than one is rare, and only a
/// flood brings many.
const MAX_RELEASED: usize = 8;
