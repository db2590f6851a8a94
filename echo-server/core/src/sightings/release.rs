//! Who may know about which sighting. The first bytes of a connection are its owner's proof, whatever
//! address it came from; where they never came or came altered, the address has to do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

use proto::key::KeyId;

use super::{Attribution, Fate, PrefixDigest, Sighting, SightingId};
use crate::session::End;
use crate::time::UnixMillis;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub key: KeyId,
    /// As this server sees it; `None` where that is not the client's, behind source NAT on the
    /// server's own side. Then only digests release anything.
    pub address: Option<IpAddr>,
}

/// One connection that the viewer says it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The viewer's own name for it.
    pub tag: u32,
    /// As dialled.
    pub port: u16,
    /// Of what was sent, at any lengths.
    pub prefixes: Vec<PrefixDigest>,
    /// When the connection can have been accepted, by the server's clock.
    pub window: RangeInclusive<UnixMillis>,
}

/// Why a sighting is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The first bytes are the viewer's.
    Digest,
    /// The viewer's address, the port and the time fit.
    Address,
}

/// What the viewer is told about one of its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    pub tag: u32,
    /// Connections that cannot be told apart, or are not remembered any more, may have been there in
    /// that window: absence proves nothing.
    pub unattributed: bool,
    /// `None`: nothing is released.
    pub sighting: Option<(Match, Sighting)>,
}

pub(super) fn release(
    sightings: &[Sighting],
    complete_after: UnixMillis,
    viewer: &Viewer,
    sent: &[Sent],
) -> Vec<Released> {
    let by_digest = match_digests(sightings, sent);
    let taken: BTreeSet<SightingId> = by_digest
        .values()
        .flatten()
        .map(|sighting| sighting.id)
        .collect();
    let mut released = Vec::new();
    for (i, sent) in sent.iter().enumerate() {
        let nearby = |sighting: &&Sighting| sent.is_near(sighting) && !taken.contains(&sighting.id);
        let (mut found, why) = match by_digest.get(&i) {
            Some(found) => (found.clone(), Match::Digest),
            None => {
                let fitting = |sighting: &&Sighting| nearby(sighting) && viewer.may_see(sighting);
                (sightings.iter().filter(fitting).collect(), Match::Address)
            }
        };
        let unattributed = *sent.window.start() <= complete_after
            || sightings
                .iter()
                .filter(nearby)
                .any(|sighting| viewer.cannot_place(sighting));
        newest_first(&mut found);
        let tag = sent.tag;
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

/// The sightings whose first bytes are those of a connection in `sent`, by its place there.
fn match_digests<'a>(
    sightings: &'a [Sighting],
    sent: &[Sent],
) -> BTreeMap<usize, Vec<&'a Sighting>> {
    let mut named: BTreeMap<PrefixDigest, Vec<usize>> = BTreeMap::new();
    for (i, sent) in sent.iter().enumerate() {
        for prefix in &sent.prefixes {
            named.entry(*prefix).or_default().push(i);
        }
    }
    let mut matches: BTreeMap<usize, Vec<&Sighting>> = BTreeMap::new();
    for sighting in sightings {
        let owners: BTreeSet<usize> = sighting
            .telling_prefixes()
            .filter_map(|prefix| named.get(prefix))
            .flatten()
            .copied()
            .collect();
        for i in owners {
            matches.entry(i).or_default().push(sighting);
        }
    }
    matches
}

impl Sent {
    /// Whether port and time fit.
    fn is_near(&self, sighting: &Sighting) -> bool {
        let ports = [Some(sighting.local.port()), sighting.public_port];
        ports.contains(&Some(self.port)) && self.window.contains(&sighting.accepted)
    }
}

impl Sighting {
    /// The prefixes that only this connection's owner can name. One that ends within what all
    /// connections of a kind begin with, such as the preamble of MC-NMF, proves nothing; the session
    /// knows where that part ends, because it has parsed it.
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
    /// Whether a sighting may be released by its address.
    fn may_see(&self, sighting: &Sighting) -> bool {
        sighting.notice.fate != Fate::Control
            && self.address.map(|ip| ip.to_canonical()) == Some(sighting.peer.ip())
            && !sighting.is_of_another_than(&self.key)
    }

    /// Whether a sighting might be the viewer's without its being told: not released by address, not
    /// known to be another's, and not a session of its own that ran to its end in any case.
    fn cannot_place(&self, sighting: &Sighting) -> bool {
        let concluded = sighting.notice.fate == Fate::Ended(End::Completed)
            && sighting.notice.attribution == Attribution::Key(self.key.clone());
        sighting.notice.fate != Fate::Control
            && !self.may_see(sighting)
            && !sighting.is_of_another_than(&self.key)
            && !concluded
    }
}

/// Keeps the newest few: more than one is a rarity, and only a flood brings many.
fn newest_first(found: &mut Vec<&Sighting>) {
    found.sort_by_key(|sighting| std::cmp::Reverse(sighting.id));
    found.truncate(MAX_RELEASED);
}

/// Sightings released for one connection at most.
const MAX_RELEASED: usize = 8;
