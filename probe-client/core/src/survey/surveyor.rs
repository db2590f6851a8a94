//! Decides which SYN to send next, from what has come back so far. It sends nothing itself, and
//! ends: the number of tries for each port and hop limit is bounded.

use std::ops::RangeInclusive;

use super::last_hop::is_lost_at;
use super::{AGREEING, Distance, HopAnswer, HopTry, Survey, sources};

/// One survey under way.
#[derive(Clone, Debug)]
pub struct Surveyor {
    survey: Survey,
    /// Exact distances of other connections to the server.
    known: Vec<u8>,
    /// The hop limits that are tried once each, before anything is repeated.
    sweep: RangeInclusive<u8>,
    /// The port was seen to answer without a limit: so the sweep goes on until it does.
    answers: bool,
    pending: Vec<Wanted>,
    swept: bool,
}

/// A SYN to be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wanted {
    pub port: u16,
    pub hop_limit: u8,
}

impl Surveyor {
    /// A survey of the failing `port`, which `answers` a SYN without a limit, or does not.
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

    /// Looks only where another port that fails alike was found to, and from there on.
    #[must_use]
    pub fn looking_at(self, hops: RangeInclusive<u8>) -> Self {
        Self {
            sweep: hops,
            ..self
        }
    }

    /// Beside the way to a port that works; `known` are exact distances of connections to the server.
    #[must_use]
    pub fn comparing_with(mut self, reference: u16, known: Vec<u8>) -> Self {
        self.survey.reference = Some(reference);
        self.known = known;
        self
    }

    /// Beside the way to a port that works and whose connections a device opens anew, or gives another hop limit.
    #[must_use]
    pub fn comparing_with_relayed(mut self, reference: u16) -> Self {
        self.survey.reference = Some(reference);
        self.survey.reference_is_relayed = true;
        self
    }

    /// The next SYN to send. `None` while [`is_waiting`](Self::is_waiting): it depends on answers that
    /// are not in yet. `None` otherwise: there is nothing more to be learnt.
    pub fn next_syn(&mut self) -> Option<Wanted> {
        let wanted = self.sweep().or_else(|| {
            self.swept |= self.pending.is_empty();
            if self.swept { self.repeat() } else { None }
        });
        let wanted = wanted.or_else(|| self.look_everywhere())?;
        self.pending.push(wanted);
        Some(wanted)
    }

    /// SYNs are under way whose fate has not been told.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Tells what came of a SYN.
    pub fn ended(&mut self, hop_try: HopTry) {
        let wanted = Wanted {
            port: hop_try.port,
            hop_limit: hop_try.hop_limit,
        };
        if let Some(at) = self.pending.iter().position(|p| *p == wanted) {
            self.pending.swap_remove(at);
        }
        self.survey.tries.push(hop_try);
    }

    pub fn finish(self) -> Survey {
        self.survey
    }

    /// Every hop limit once, from the nearest on, both ports side by side.
    fn sweep(&self) -> Option<Wanted> {
        if self.swept {
            return None;
        }
        let (port, reference) = (self.survey.port, self.survey.reference);
        // Where the server's distance is known, the other port's way needs no sweep of its own.
        let swept_too = reference.filter(|_| self.known.is_empty());
        (1..=FURTHEST).find_map(|hop_limit| {
            let missing = |port: u16| {
                let wanted = Wanted { port, hop_limit };
                (hop_limit <= self.top(port) && self.sent(wanted) == 0).then_some(wanted)
            };
            let here = self.sweep.contains(&hop_limit);
            let ours = here.then(|| missing(port)).flatten();
            ours.or_else(|| missing(swept_too?))
        })
    }

    /// Where the port that answers did not do so where it was looked at: the whole way.
    fn look_everywhere(&mut self) -> Option<Wanted> {
        let missed = self.swept && self.answers && self.nearest_end(self.survey.port).is_none();
        if !missed || self.is_waiting() || self.sweep == (1..=FURTHEST) {
            return None;
        }
        self.sweep = 1..=FURTHEST;
        self.swept = false;
        self.sweep()
    }

    /// The highest hop limit worth trying on `port`, as far as is known by now.
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

    fn repeat(&self) -> Option<Wanted> {
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

    /// What is missing for a distance: enough answers, and enough silence from nearer.
    fn measure(&self, port: u16, known: &[u8]) -> Option<Wanted> {
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
                self.once_more(Wanted { port, hop_limit }, have, AGREEING)
            })
    }

    /// Asks the hops around whoever answers for their addresses: the device itself may be one. So may the first of
    /// several that answer in one name.
    fn name_hops(&self, reference: u16) -> Option<Wanted> {
        let nearest = self.nearest_end(self.survey.port)?;
        let around = (nearest - 1).max(1)..=nearest;
        around
            .chain(self.survey.same_name_from())
            .find_map(|hop_limit| {
                let wanted = Wanted {
                    port: reference,
                    hop_limit,
                };
                let mut tries = self.survey.of_port(reference);
                let unnamed = !tries.any(|t| t.hop_limit == hop_limit && t.expired_at().is_some());
                (unnamed && self.sent(wanted) < AGREEING).then_some(wanted)
            })
    }

    /// Follows the failing port's SYNs to the first hop that answers the other port's alone.
    fn compare_hops(&self, reference: u16) -> Option<Wanted> {
        let server = self
            .nearest_end(reference)
            .into_iter()
            .chain(self.known.iter().copied());
        let server = server.max()?;
        let from = self.last_expired(self.survey.port).unwrap_or(0) + 1;
        for hop_limit in from..=server.min(FURTHEST) {
            let (ours, theirs) = (
                Wanted {
                    port: self.survey.port,
                    hop_limit,
                },
                Wanted {
                    port: reference,
                    hop_limit,
                },
            );
            if is_lost_at(&self.survey, hop_limit) {
                return None;
            }
            let unanswered = self.count(theirs, |answer| answer == HopAnswer::Silence);
            let answered = self.count(theirs, HopAnswer::is_answer);
            // It spares its answers, or gives none: the next one may tell.
            if (answered == 0 && unanswered >= AGREEING) || self.sent(theirs) >= MOST_TRIES {
                continue;
            }
            // The failing port first: a router that answers but one of the two must not make it seem
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

    /// Without a port to compare with: asks again at the last hop that answered, and behind it.
    fn look_again(&self) -> Option<Wanted> {
        let port = self.survey.port;
        let last = self.last_expired(port).unwrap_or(0);
        let at_last = Wanted {
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
                let wanted = Wanted { port, hop_limit };
                self.once_more(wanted, self.count(wanted, HopAnswer::is_short), AGREEING)
            })
    }

    /// `wanted` again, unless `have` and what is under way are `enough`, or it was tried too often.
    fn once_more(&self, wanted: Wanted, have: usize, enough: usize) -> Option<Wanted> {
        let missing = have + self.under_way(wanted) < enough;
        (missing && self.sent(wanted) < MOST_TRIES).then_some(wanted)
    }

    fn under_way(&self, wanted: Wanted) -> usize {
        self.pending.iter().filter(|p| **p == wanted).count()
    }

    /// Tries of `wanted`, those under way included.
    fn sent(&self, wanted: Wanted) -> usize {
        self.count(wanted, |_| true) + self.under_way(wanted)
    }

    fn count(&self, wanted: Wanted, answer: impl Fn(HopAnswer) -> bool) -> usize {
        let tries = self.survey.of_port(wanted.port);
        sources(tries.filter(|t| t.hop_limit == wanted.hop_limit && answer(t.answer)))
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

/// Ways on the Internet are rarely longer.
const FURTHEST: u8 = 30;

/// How many silent hops in a row end a way whose length is not known.
const SILENT_HOPS: u8 = 5;

/// Tried at least where nothing answers: the first routers of a site may all be silent.
const FIRST_LOOK: u8 = 8;

/// For one port and hop limit: enough for [`AGREEING`] answers where as many are lost.
const MOST_TRIES: usize = 2 * AGREEING;
