//! Decides which SYN to send next, from the answers so far. It sends nothing itself, and it always ends: the number of
//! tries per port and hop limit is bounded.

use std::ops::RangeInclusive;

use super::last_hop::is_lost_at;
use super::{AGREEING, Distance, HopAnswer, HopTry, Survey, sources};

/// A survey in progress.
#[derive(Clone, Debug)]
pub struct Surveyor {
    survey: Survey,
    /// Exact distances of other connections to the server.
    known: Vec<u8>,
    /// The hop limits to try once each, before any is repeated.
    sweep: RangeInclusive<u8>,
    /// Whether the port has answered without a hop limit, so that the sweep goes on until it answers.
    answers: bool,
    pending: Vec<SurveySyn>,
    swept: bool,
}

/// A SYN to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SurveySyn {
    pub port: u16,
    pub hop_limit: u8,
}

impl Surveyor {
    /// Starts a survey of the failing `port`; `answers` says whether it answers a SYN without a hop limit.
    pub fn new(port: u16, answers: bool) -> Self {
        Self {
            survey: Survey::new(port),
            known: Vec::new(),
            sweep: 1..=FURTHEST,
            answers,
            pending: Vec::new(),
            swept: false,
        }
    }

    /// Limits the sweep to `hops`: the place found for another port that fails in the same way, and the hops after it.
    #[must_use]
    pub fn looking_at(self, hops: RangeInclusive<u8>) -> Self {
        Self {
            sweep: hops,
            ..self
        }
    }

    /// Compares the path with that of a working port; `known` are exact distances of connections to the server.
    #[must_use]
    pub fn comparing_with(mut self, reference: u16, known: Vec<u8>) -> Self {
        self.survey.reference = Some(reference);
        self.known = known;
        self
    }

    /// Compares the path with that of a working port whose connections a device relays, or whose hop limit it changes.
    #[must_use]
    pub fn comparing_with_relayed(mut self, reference: u16) -> Self {
        self.survey.reference = Some(reference);
        self.survey.reference_is_relayed = true;
        self
    }

    /// Returns the next SYN to send.
    ///
    /// `None` while [`is_waiting`](Self::is_waiting) returns true means that the next SYN depends on pending answers.
    /// `None` otherwise means that the survey is complete.
    pub fn next_syn(&mut self) -> Option<SurveySyn> {
        let syn = self.sweep().or_else(|| {
            self.swept |= self.pending.is_empty();
            if self.swept { self.repeat() } else { None }
        });
        let syn = syn.or_else(|| self.look_everywhere())?;
        self.pending.push(syn);
        Some(syn)
    }

    /// Returns whether the outcome of any SYN is still pending.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Records the outcome of a SYN.
    pub fn ended(&mut self, hop_try: HopTry) {
        let syn = SurveySyn {
            port: hop_try.port,
            hop_limit: hop_try.hop_limit,
        };
        if let Some(at) = self.pending.iter().position(|p| *p == syn) {
            self.pending.swap_remove(at);
        }
        self.survey.tries.push(hop_try);
    }

    pub fn finish(self) -> Survey {
        self.survey
    }

    /// Tries every hop limit once on both ports, beginning with the smallest.
    fn sweep(&self) -> Option<SurveySyn> {
        if self.swept {
            return None;
        }
        let (port, reference) = (self.survey.port, self.survey.reference);
        // If the server's distance is known, the working port needs no sweep of its own.
        let swept_too = reference.filter(|_| self.known.is_empty());
        (1..=FURTHEST).find_map(|hop_limit| {
            let missing = |port: u16| {
                let syn = SurveySyn { port, hop_limit };
                (hop_limit <= self.top(port) && self.sent(syn) == 0).then_some(syn)
            };
            let here = self.sweep.contains(&hop_limit);
            let ours = here.then(|| missing(port)).flatten();
            ours.or_else(|| missing(swept_too?))
        })
    }

    /// Sweeps the whole path if a port that answers did not do so within the limited sweep.
    fn look_everywhere(&mut self) -> Option<SurveySyn> {
        let missed = self.swept && self.answers && self.nearest_end(self.survey.port).is_none();
        if !missed || self.is_waiting() || self.sweep == (1..=FURTHEST) {
            return None;
        }
        self.sweep = 1..=FURTHEST;
        self.swept = false;
        self.sweep()
    }

    /// Returns the highest hop limit worth trying on `port`, as far as is known so far.
    fn top(&self, port: u16) -> u8 {
        if let Some(nearest) = self.nearest_end(port) {
            return nearest;
        }
        let server = self.survey.reference.and_then(|r| self.nearest_end(r));
        if let Some(server) = self.known.iter().copied().max().max(server) {
            return server;
        }
        if self.answers || Some(port) == self.survey.reference {
            return FURTHEST;
        }
        let last = self.last_expired(port).unwrap_or(0);
        (last + SILENT_HOPS).clamp(FIRST_LOOK, FURTHEST)
    }

    fn repeat(&self) -> Option<SurveySyn> {
        let port = self.survey.port;
        if self.nearest_end(port).is_some() {
            let reference = self.survey.reference;
            return self
                .measure(port, &[])
                .or_else(|| self.measure(reference?, &self.known))
                .or_else(|| self.name_hops(reference?));
        }
        match self.survey.reference {
            Some(reference) => self.compare_hops(reference),
            None => self.look_again(),
        }
    }

    /// Returns a SYN that is still missing for a distance: enough answers, and enough silence from the hop before.
    fn measure(&self, port: u16, known: &[u8]) -> Option<SurveySyn> {
        let tries = || self.survey.of_port(port);
        if known.len() >= AGREEING || Distance::of(tries(), known).is_some() {
            return None;
        }
        let nearest = self
            .nearest_end(port)
            .into_iter()
            .chain(known.iter().copied())
            .min()?;
        let beyond = self.last_expired(port).map_or(0, |hop| hop + 1);
        let farthest = nearest.max(beyond);
        let answered = sources(tries().filter(|t| t.answer.is_end() && t.hop_limit <= farthest));
        let short = sources(tries().filter(|t| t.hop_limit == nearest - 1 && t.answer.is_short()));
        [(farthest, answered), (nearest - 1, short)]
            .into_iter()
            .filter(|(hop_limit, _)| *hop_limit > 0)
            .find_map(|(hop_limit, have)| {
                self.once_more(SurveySyn { port, hop_limit }, have, AGREEING)
            })
    }

    /// Asks the hops around the answering peer for their addresses, because the peer may be a device at one of them.
    ///
    /// The first of several hops that answer from one address is asked too, for the same reason.
    fn name_hops(&self, reference: u16) -> Option<SurveySyn> {
        let nearest = self.nearest_end(self.survey.port)?;
        let around = (nearest - 1).max(1)..=nearest;
        around
            .chain(self.survey.same_name_from())
            .find_map(|hop_limit| {
                let syn = SurveySyn {
                    port: reference,
                    hop_limit,
                };
                let mut tries = self.survey.of_port(reference);
                let unnamed = !tries.any(|t| t.hop_limit == hop_limit && t.expired_at().is_some());
                (unnamed && self.sent(syn) < AGREEING).then_some(syn)
            })
    }

    /// Follows the failing port's SYNs to the first hop that answers only those of the working port.
    fn compare_hops(&self, reference: u16) -> Option<SurveySyn> {
        let server = self
            .nearest_end(reference)
            .into_iter()
            .chain(self.known.iter().copied());
        let server = server.max()?;
        let from = self.last_expired(self.survey.port).unwrap_or(0) + 1;
        for hop_limit in from..=server.min(FURTHEST) {
            let (ours, theirs) = (
                SurveySyn {
                    port: self.survey.port,
                    hop_limit,
                },
                SurveySyn {
                    port: reference,
                    hop_limit,
                },
            );
            if is_lost_at(&self.survey, hop_limit) {
                return None;
            }
            let unanswered = self.count(theirs, |answer| answer == HopAnswer::Silence);
            let answered = self.count(theirs, HopAnswer::is_answer);
            // The hop rate-limits its answers, or sends none; the next hop may answer.
            if (answered == 0 && unanswered >= AGREEING) || self.sent(theirs) >= MOST_TRIES {
                continue;
            }
            // The failing port comes first: a router that answers only one of the two SYNs must not make that port seem
            // lost.
            let next = if self.sent(ours) <= self.sent(theirs) {
                ours
            } else {
                theirs
            };
            let under_way = self.under_way(ours) + self.under_way(theirs);
            return (under_way < 2 * AGREEING).then_some(next);
        }
        None
    }

    /// Without a working port to compare with, asks again at the last hop that answered, and at the hops after it.
    fn look_again(&self) -> Option<SurveySyn> {
        let port = self.survey.port;
        let last = self.last_expired(port).unwrap_or(0);
        let at_last = SurveySyn {
            port,
            hop_limit: last,
        };
        let expired = self.count(at_last, |answer| {
            matches!(answer, HopAnswer::Expired { .. })
        });
        let again = (last > 0).then(|| self.once_more(at_last, expired, AGREEING));
        if let Some(again) = again.flatten() {
            return Some(again);
        }
        let behind = last + 1..=(last + SILENT_HOPS).min(FURTHEST);
        behind
            .filter(|hop| self.sweep.contains(hop))
            .find_map(|hop_limit| {
                let syn = SurveySyn { port, hop_limit };
                self.once_more(syn, self.count(syn, HopAnswer::is_short), AGREEING)
            })
    }

    /// Returns `syn` again, unless `have` and the pending tries together reach `enough`, or `syn` was tried too
    /// often.
    fn once_more(&self, syn: SurveySyn, have: usize, enough: usize) -> Option<SurveySyn> {
        let missing = have + self.under_way(syn) < enough;
        (missing && self.sent(syn) < MOST_TRIES).then_some(syn)
    }

    fn under_way(&self, syn: SurveySyn) -> usize {
        self.pending.iter().filter(|p| **p == syn).count()
    }

    /// Returns the number of tries of `syn`, pending ones included.
    fn sent(&self, syn: SurveySyn) -> usize {
        self.count(syn, |_| true) + self.under_way(syn)
    }

    fn count(&self, syn: SurveySyn, answer: impl Fn(HopAnswer) -> bool) -> usize {
        let tries = self.survey.of_port(syn.port);
        sources(tries.filter(|t| t.hop_limit == syn.hop_limit && answer(t.answer)))
    }

    fn nearest_end(&self, port: u16) -> Option<u8> {
        let ends = self.survey.of_port(port).filter(|t| t.answer.is_end());
        ends.map(|t| t.hop_limit).min()
    }

    fn last_expired(&self, port: u16) -> Option<u8> {
        let expired = self
            .survey
            .of_port(port)
            .filter(|t| t.expired_at().is_some());
        expired.map(|t| t.hop_limit).max()
    }
}

/// The largest hop limit tried; paths on the Internet are rarely longer.
const FURTHEST: u8 = 30;

/// The number of consecutive silent hops that end a sweep if the path's length is unknown.
const SILENT_HOPS: u8 = 5;

/// The minimum number of hops tried if nothing answers: the first routers of a site may all be silent.
const FIRST_LOOK: u8 = 8;

/// The maximum number of tries per port and hop limit: enough for [`AGREEING`] answers if just as many are lost.
const MOST_TRIES: usize = 2 * AGREEING;
