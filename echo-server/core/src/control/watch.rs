//! One watcher of sightings. It receives each sighting once, again after a change, and at the end an answer about each
//! connection without a sighting.

use std::collections::{BTreeMap, BTreeSet};

use proto::wire;

use super::Query;
use crate::session::End;
use crate::sightings::{
    Fate, Match, PrefixDigest, Released, Sighting, SightingId, Sightings, Viewer,
};

/// How completely this host has seen SYNs since the asking client's run was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Whether every SYN of the asking client that reached this host is among the sightings.
    pub saw_all: bool,
    /// The number of SYN-ACKs from this host, to any peer, that were refused immediately. This host keeps no record of
    /// those connections. `None` if it does not count them.
    pub answers_refused: Option<u32>,
}

/// The state of one `WatchSightings` call.
#[derive(Debug)]
pub struct Watch {
    viewer: Viewer,
    query: Query,
    /// The revision last sent of every released sighting, by tag and sighting.
    told: BTreeMap<(u32, SightingId), u64>,
    /// The tags for which a sighting was ever sent.
    told_of: BTreeSet<u32>,
}

impl Watch {
    pub fn new(viewer: Viewer, query: Query) -> Self {
        Self {
            viewer,
            query,
            told: BTreeMap::new(),
            told_of: BTreeSet::new(),
        }
    }

    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Returns the sightings that are new since the last call. Call it immediately, and then from time to time for as
    /// long as the caller follows.
    pub fn poll(&mut self, sightings: &Sightings, coverage: Coverage) -> Vec<wire::Sighting> {
        let released = sightings.release(&self.viewer, &self.query.sent);
        self.news(&released, coverage)
    }

    /// Ends the watch. Returns the sightings that are new, and one answer without a sighting for each connection for
    /// which nothing was released.
    pub fn finish(mut self, sightings: &Sightings, coverage: Coverage) -> Vec<wire::Sighting> {
        let released = sightings.release(&self.viewer, &self.query.sent);
        let mut last = self.news(&released, coverage);
        let untold = released
            .iter()
            .filter(|released| !self.told_of.contains(&released.tag));
        last.extend(untold.map(|released| to_wire(released, coverage)));
        last
    }

    fn news(&mut self, released: &[Released], coverage: Coverage) -> Vec<wire::Sighting> {
        let before = std::mem::take(&mut self.told);
        let mut news = Vec::new();
        for released in released {
            let Some((_, sighting)) = &released.sighting else {
                continue;
            };
            let place = (released.tag, sighting.id);
            if before.get(&place) != Some(&sighting.revision)
                && self.told.get(&place) != Some(&sighting.revision)
            {
                news.push(to_wire(released, coverage));
                news.extend(held_back(released, coverage));
            }
            self.told.insert(place, sighting.revision);
            self.told_of.insert(released.tag);
        }
        news
    }
}

fn to_wire(released: &Released, coverage: Coverage) -> wire::Sighting {
    let mut answer = wire::Sighting {
        tag: released.tag,
        unattributed: released.unattributed,
        saw_all: coverage.saw_all,
        answers_refused: coverage.answers_refused,
        r#match: wire::SightingMatch::None.into(),
        ..wire::Sighting::default()
    };
    if let Some((why, sighting)) = &released.sighting {
        describe(&mut answer, *why, sighting);
    }
    answer
}

/// Returns a second message, `Unanswered`, for a connection that is half open and has not been answered. It follows the
/// message that reports the connection as half open.
fn held_back(released: &Released, coverage: Coverage) -> Option<wire::Sighting> {
    let (_, sighting) = released.sighting.as_ref()?;
    (sighting.notice.fate == Fate::HeldBack).then(|| wire::Sighting {
        end: wire::SightingEnd::Unanswered.into(),
        ..to_wire(released, coverage)
    })
}

fn describe(answer: &mut wire::Sighting, why: Match, sighting: &Sighting) {
    let notice = &sighting.notice;
    answer.r#match = match why {
        Match::Digest => wire::SightingMatch::Digest,
        Match::Address => wire::SightingMatch::Address,
    }
    .into();
    answer.peer = Some(sighting.peer.into());
    answer.accepted_unix_ms = sighting.accepted.0;
    answer.bytes_received = notice.received;
    answer.bytes_sent = notice.sent;
    answer.end = sighting_end(notice.fate).into();
    answer.tls_error = notice.tls_error.as_deref().unwrap_or_default().to_owned();
    answer.prefixes = notice.prefixes.iter().map(prefix).collect();
    answer.client_hello_sha256 = notice
        .client_hello_sha256
        .map(Vec::from)
        .unwrap_or_default();
    answer.syn = sighting.syn.as_deref().unwrap_or_default().to_vec();
    answer.session_id = notice.session.map(|id| id.0.to_vec()).unwrap_or_default();
}

fn prefix(digest: &PrefixDigest) -> wire::Prefix {
    wire::Prefix {
        bytes: digest.bytes,
        sha256: digest.sha256.to_vec(),
    }
}

fn sighting_end(fate: Fate) -> wire::SightingEnd {
    match fate {
        Fate::Unanswered => wire::SightingEnd::Unanswered,
        Fate::HalfOpen | Fate::HeldBack => wire::SightingEnd::HalfOpen,
        Fate::Open | Fate::Control => wire::SightingEnd::Open,
        Fate::Ended(end) => match end {
            End::Completed => wire::SightingEnd::Completed,
            End::PeerClosed => wire::SightingEnd::PeerClosed,
            End::PeerReset => wire::SightingEnd::PeerReset,
            End::Deadline => wire::SightingEnd::Deadline,
            End::TlsFailed => wire::SightingEnd::TlsFailed,
            End::NotRecognised => wire::SightingEnd::NotRecognised,
            // Frames of an authenticated peer that break the rules were altered on the way, or somebody else sent them.
            End::NotAuthenticated | End::Violation => wire::SightingEnd::NotAuthenticated,
            End::OverLimit | End::Refused => wire::SightingEnd::Shed,
        },
    }
}
