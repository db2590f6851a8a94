//! Answers questions about the server's sightings: the connections of the probe that it noticed, and those that it
//! would have noticed.

use std::net::SocketAddr;

use super::super::ending::testimony;
use super::Evidence;
use crate::measurement::{AnswersRefused, Sighting, SightingAnswer, SightingEnd, canonical};

/// Whether the server's answers to the probe's SYNs may have been refused immediately, so that the server kept no trace
/// of the SYNs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// None of the server host's answers was refused in that time, or a witness would have seen each SYN.
    Excluded,
    /// The number of refusals is not known, or is less than half the number of the probe's SYNs.
    Possible,
    /// The number of refusals is at least half the number of the probe's SYNs. Half is enough, because a path that
    /// loses packets may lose a refusal as well.
    Likely { counted: u32 },
}

impl<'a> Evidence<'a> {
    pub fn sighting_answer(&self) -> Option<&'a SightingAnswer> {
        self.probe.sighting.as_ref()
    }

    /// Returns the one connection that the server attributes to this probe; `None` if there is none or more than one.
    pub fn sighting(&self) -> Option<&'a Sighting> {
        match self.connections(self.sighting_answer()?).as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Returns whether the server looked, and is sure that no connection of this probe reached it.
    pub fn never_seen(&self) -> bool {
        self.recognised_nowhere()
            && self
                .sighting_answer()
                .is_some_and(SightingAnswer::is_complete)
    }

    /// Returns whether the server looked, and recognised no connection as one of this probe. It may have seen some that it
    /// cannot place.
    pub fn recognised_nowhere(&self) -> bool {
        self.sighting_answer()
            .is_some_and(|answer| self.connections(answer).is_empty())
    }

    /// Returns whether the server would have noticed a SYN of this probe.
    pub fn sees_syns(&self) -> bool {
        self.sighting_answer()
            .is_some_and(|answer| answer.sees_half_open || answer.sees_every_syn)
            && !self.nobody_listens()
    }

    /// Returns whether the server's witness would have seen each SYN of this probe, and each answer.
    pub fn witness_looked(&self) -> bool {
        self.sighting_answer()
            .is_some_and(|answer| answer.sees_every_syn)
    }

    pub fn refusal(&self) -> Refusal {
        if self.never_at_the_host() {
            return Refusal::Excluded;
        }
        match self.sighting_answer().and_then(|a| a.answers_refused) {
            Some(AnswersRefused { counted: 0, .. }) => Refusal::Excluded,
            Some(AnswersRefused { counted, own_syns })
                if self.refused_by_others(counted) * 2 >= own_syns =>
            {
                Refusal::Likely { counted }
            }
            Some(_) | None => Refusal::Possible,
        }
    }

    /// Returns how many of `counted` refused answers this host certainly did not refuse itself. It refuses an answer
    /// that comes after it has given the connection up, which may have happened on connections to other ports that
    /// work.
    fn refused_by_others(&self, counted: u32) -> u32 {
        let port = self.probe.port_dialled();
        let others = self.same_server.iter();
        let others = others.filter(|m| m.port_dialled() != port && m.ran_whole());
        let given_up: usize = others.map(|m| m.connections_given_up()).sum();
        counted.saturating_sub(u32::try_from(given_up).unwrap_or(u32::MAX))
    }

    /// Returns whether the server accepted at least one connection that may be this probe's.
    pub fn perhaps_accepted(&self) -> bool {
        self.sighting_answer().is_some_and(|answer| {
            let mut all = self.connections(answer).into_iter();
            all.any(|sighting| sighting.end != SightingEnd::HalfOpen)
        })
    }

    /// Returns whether SYNs of this probe reached the server's host, and went no further.
    pub fn stopped_at_the_host(&self) -> bool {
        self.sighting_answer().is_some_and(|answer| {
            !self.sightings(answer).is_empty() && self.connections(answer).is_empty()
        })
    }

    /// Returns whether the server's TCP accepted and answered SYNs of this probe, but its witness, which missed
    /// nothing, saw no answer leave the host.
    pub fn answer_stopped_at_the_host(&self) -> bool {
        self.sighting_answer().is_some_and(|answer| {
            let mut all = answer.sightings.iter();
            answer.sees_every_syn
                && all.any(|s| s.end == SightingEnd::HalfOpen)
                && answer.answered_peers().is_empty()
        })
    }

    /// Returns whether no SYN of this probe reached the server's host. The witness would have seen a SYN even if that
    /// host's own firewall had dropped it.
    pub fn never_at_the_host(&self) -> bool {
        let answer = self.sighting_answer();
        answer.is_some_and(|answer| answer.sees_every_syn && self.sightings(answer).is_empty())
            && self.never_seen()
            && !self.nobody_listens()
    }

    fn connections(&self, answer: &'a SightingAnswer) -> Vec<&'a Sighting> {
        let mut sightings = self.sightings(answer);
        sightings.retain(|sighting| sighting.is_connection());
        sightings
    }

    /// Returns whether every byte that either end sent arrived, and the server gave up waiting for more. One of the two
    /// ends was too slow, and nothing between them is to blame.
    pub fn given_up_by_server(&self) -> bool {
        let (Some(sighting), Some(transport)) = (self.sighting(), self.probe.transport) else {
            return false;
        };
        sighting.end == SightingEnd::Deadline
            && sighting.bytes_received >= transport.bytes_written
            && sighting.bytes_sent <= transport.bytes_read
    }

    /// Returns the sightings in `answer` that can be this probe's. The server matches by port and time, and other
    /// probes of the run may share both.
    fn sightings(&self, answer: &'a SightingAnswer) -> Vec<&'a Sighting> {
        let others: Vec<SocketAddr> = self
            .same_server
            .iter()
            .filter(|m| !std::ptr::eq(**m, self.probe))
            .flat_map(|m| [m.local, testimony(m).and_then(|t| t.peer)])
            .flatten()
            .map(canonical)
            .collect();
        let own = self.probe.local.map(canonical);
        let not_anothers = |s: &&Sighting| {
            s.peer
                .map(canonical)
                .is_none_or(|peer| Some(peer) == own || !others.contains(&peer))
        };
        let exact = answer.of_address(self.probe.local);
        if exact.is_empty() {
            answer.sightings.iter().filter(not_anothers).collect()
        } else {
            exact
        }
    }
}
