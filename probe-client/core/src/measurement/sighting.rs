//! The server's sightings of a probe's connections.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server's answer to the question what it noticed of a probe's connections.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SightingAnswer {
    pub sightings: Vec<Sighting>,
    /// The server could not distinguish connections that reached that port at that time, so a missing sighting proves
    /// nothing.
    pub unattributed: bool,
    /// An instance of the server that the connection may have reached was not asked, so a missing sighting proves
    /// nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unasked: bool,
    /// The server would have noticed a SYN whose handshake never completed: it is able to, and looked in time.
    pub sees_half_open: bool,
    /// The server would have noticed a SYN that its own host's firewall dropped: it has a witness, which looked in time
    /// and missed nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sees_every_syn: bool,
    /// Answers of the server's host that were refused while the server looked. Absent: the server does not count them,
    /// or began to count only after the probe's last SYN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_refused: Option<AnswersRefused>,
}

/// SYN-ACKs of the server's host that were refused immediately, on their way back or by their receiver. The server's
/// host keeps only this count of such connections.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct AnswersRefused {
    /// Refused SYN-ACKs of the whole host, to any peer.
    pub counted: u32,
    /// The number of SYNs that the probe sent in that time, including those of sessions and side connections to the
    /// same port. If each of them had been answered and refused, at least as many refusals would have been counted.
    pub own_syns: u32,
}

impl AnswersRefused {
    fn and(self, other: Self) -> Self {
        Self {
            counted: self.counted.saturating_add(other.counted),
            own_syns: self.own_syns.min(other.own_syns),
        }
    }
}

impl SightingAnswer {
    pub fn connections(&self) -> impl Iterator<Item = &Sighting> {
        let all = self.sightings.iter();
        all.filter(|sighting| sighting.is_connection())
    }

    /// Returns the sightings from `local` itself, whose address no device on the path has translated.
    pub fn of_address(&self, local: Option<SocketAddr>) -> Vec<&Sighting> {
        let local = local.map(canonical);
        let own = |s: &&Sighting| local.is_some() && s.peer.map(canonical) == local;
        self.sightings.iter().filter(own).collect()
    }

    /// Returns whether a connection missing from the sightings certainly never reached the server.
    pub fn is_complete(&self) -> bool {
        !self.unattributed && !self.unasked
    }

    /// Returns the peers whose half-open connections have been answered, as far as is known.
    pub(crate) fn answered_peers(&self) -> Vec<Option<SocketAddr>> {
        let half_open = self
            .sightings
            .iter()
            .filter(|s| s.end == SightingEnd::HalfOpen);
        let is_held_back = |peer| {
            let mut all = self.sightings.iter();
            all.any(|s| s.peer == peer && s.end == SightingEnd::Unanswered)
        };
        let peers = half_open.map(|s| s.peer);
        peers.filter(|peer| !is_held_back(*peer)).collect()
    }

    /// Merges this answer with that of another instance of the server.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let answered: Vec<_> = [&self, &other]
            .into_iter()
            .flat_map(Self::answered_peers)
            .collect();
        self.sightings.extend(other.sightings);
        let all = self.sightings.clone();
        // If several processes listen on one port, each sees the SYN, and one gets the connection.
        let went_further = |of: &Sighting| {
            let mut others = all
                .iter()
                .filter(|o| of.peer.is_some() && o.peer == of.peer);
            // A connection is both half-open and unanswered if every answer that reports it as the former also reports
            // the latter.
            let both = of.end == SightingEnd::Unanswered && !answered.contains(&of.peer);
            others.any(|o| o.end.stage() > if both { 1 } else { of.end.stage() })
        };
        self.sightings.retain(|sighting| !went_further(sighting));
        Self {
            sightings: without_repeats(self.sightings),
            unattributed: self.unattributed || other.unattributed,
            unasked: self.unasked || other.unasked,
            sees_half_open: self.sees_half_open && other.sees_half_open,
            sees_every_syn: self.sees_every_syn && other.sees_every_syn,
            answers_refused: self
                .answers_refused
                .zip(other.answers_refused)
                .map(|(one, other)| one.and(other)),
        }
    }

    /// Returns this later answer, completed with what the earlier answer `before` has proved and this one cannot prove.
    ///
    /// If the channel to the server was lost and opened again in between, the server reports that it began to look too
    /// late over the new channel. Over the old channel it still looked in time.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        let absent = self.sightings.is_empty() && before.sightings.is_empty();
        if !absent || !before.is_complete() {
            return self;
        }
        let own_syns = |refused: Option<AnswersRefused>| refused.map_or(0, |r| r.own_syns);
        let (earlier, later) = (before.answers_refused, self.answers_refused);
        Self {
            sees_half_open: self.sees_half_open || before.sees_half_open,
            sees_every_syn: self.sees_every_syn || before.sees_every_syn,
            answers_refused: if own_syns(later) < own_syns(earlier) {
                earlier
            } else {
                later
            },
            ..self
        }
    }
}

/// Returns `sightings` with each connection once: a server that is asked twice reports it in both answers. A match by
/// digest counts for more than one by address, and of two equal matches the one with more bytes.
fn without_repeats(sightings: Vec<Sighting>) -> Vec<Sighting> {
    let mut kept: Vec<Sighting> = Vec::new();
    for sighting in sightings {
        let weight = |s: &Sighting| (s.matched_by == MatchedBy::Digest, s.bytes_received);
        let known = kept.iter_mut().find(|known| {
            **known == sighting
                || (known.peer.is_some()
                    && known.peer == sighting.peer
                    && known.end == sighting.end)
        });
        match known {
            Some(known) if weight(known) < weight(&sighting) => *known = sighting,
            Some(_) => {}
            None => kept.push(sighting),
        }
    }
    kept
}

/// One connection that the server noticed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Sighting {
    pub matched_by: MatchedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub end: SightingEnd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_error: Option<String>,
    /// The number of first bytes that are known to have arrived as they were sent.
    pub unaltered_prefix: u32,
    /// The length of the shortest prefix that arrived altered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub altered_within: Option<u32>,
    /// Whether the ClientHello that arrived is the one that was sent; absent where either end saw none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_hello_unaltered: Option<bool>,
}

impl Sighting {
    /// Returns whether this became more than an unanswered SYN.
    pub fn is_connection(&self) -> bool {
        self.end != SightingEnd::Unanswered
    }
}

/// The evidence by which the server knew whose connection it was.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchedBy {
    Digest,
    Address,
}

/// The end of a connection, as the server saw it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SightingEnd {
    /// A SYN reached the server's host, which neither answered it nor kept it.
    Unanswered,
    Open,
    HalfOpen,
    Completed,
    PeerClosed,
    PeerReset,
    Deadline,
    TlsFailed,
    NotRecognised,
    NotAuthenticated,
    Shed,
    Unknown,
}

impl SightingEnd {
    /// Returns how far the connection got: a SYN, an answer to it, a connection.
    fn stage(self) -> u8 {
        match self {
            Self::Unanswered => 0,
            Self::HalfOpen => 1,
            Self::Open
            | Self::Completed
            | Self::PeerClosed
            | Self::PeerReset
            | Self::Deadline
            | Self::TlsFailed
            | Self::NotRecognised
            | Self::NotAuthenticated
            | Self::Shed
            | Self::Unknown => 2,
        }
    }
}

/// Converts an IPv4-mapped IPv6 address to the IPv4 address.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(peer: &str, bytes_received: u64) -> SightingAnswer {
        SightingAnswer {
            sightings: vec![Sighting {
                matched_by: MatchedBy::Digest,
                peer: Some(peer.parse().unwrap()),
                bytes_received,
                bytes_sent: 0,
                end: SightingEnd::Deadline,
                tls_error: None,
                unaltered_prefix: 0,
                altered_within: None,
                client_hello_unaltered: None,
            }],
            unattributed: false,
            unasked: false,
            sees_half_open: true,
            sees_every_syn: false,
            answers_refused: None,
        }
    }

    #[test]
    fn a_connection_that_is_reported_twice_is_one() {
        let (early, late) = (
            answer("192.0.2.1:40000", 200),
            answer("192.0.2.1:40000", 2_000),
        );
        for merged in [early.clone().and(late.clone()), late.clone().and(early)] {
            assert_eq!(merged.sightings, late.sightings);
        }
        let another = answer("192.0.2.1:40001", 200);
        assert_eq!(another.and(late).sightings.len(), 2);
    }
}
