//! Connections that have not proved a key. A newcomer always gets in, and somebody else makes room
//! where there are too many, of the newcomer's own source if that is the one that overfills: the oldest of
//! those who have come equally far and are the most for their share. Sources where a key was proved lately
//! are spared as long as there are others, up to what one source may have. A known client needs a few
//! round trips, so a table costs it nothing but time.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::time::Duration;

use super::Source;
use super::rate::Pace;

/// How many strangers there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrangerLimits {
    /// From so many on, each newcomer pushes out another.
    pub total: usize,
    /// The most connections from one source.
    pub per_source: usize,
    /// New connections of one source in a second, beyond which each pushes out another.
    pub per_second: u32,
}

/// One connection's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Why somebody has to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pressure {
    /// There are too many strangers.
    Total,
    /// One source has too many of them.
    Source,
    /// One source sends them too fast.
    Pace,
}

/// How far a stranger has come. Who waits in silence must not crowd out who speaks, nor the other way
/// round, since every newcomer begins in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing yet, or nothing that begins a session.
    Silent,
    Speaking,
    /// With a known key, though it can be a replay.
    Greeted,
}

/// The strangers of one server. `T` is whatever leads back to the connection; `S` hashes sources with a
/// key of its own.
#[derive(Debug)]
pub struct StrangerTable<T, S = RandomState> {
    limits: StrangerLimits,
    next: u64,
    members: BTreeMap<Ticket, Member<T>>,
    /// The order of eviction: by standing, unspared connections first, and among equals the oldest.
    by_rank: BTreeSet<(Rank, Ticket)>,
    counts: BTreeMap<Rank, usize>,
    /// By a hash of the source. That some share one only makes one of their own strangers leave earlier;
    /// and without the key nobody can choose to share another's.
    paces: Box<[Pace]>,
    hasher: S,
    /// Until when sources are spared.
    familiar: BTreeMap<Source, Duration>,
}

#[derive(Debug)]
struct Member<T> {
    source: Source,
    /// From a source that proved a key, and within the limit of one source.
    spared: bool,
    standing: Standing,
    lead: T,
}

/// Among whom somebody has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    All,
    Of(Source),
}

/// Within a scope, those of a lower standing come first, and of each standing those who are not spared.
type Rank = (Scope, Standing, bool);

impl<T, S: BuildHasher> StrangerTable<T, S> {
    /// `hasher` has to have a key that strangers cannot know.
    pub fn new(limits: StrangerLimits, hasher: S) -> Self {
        Self {
            limits,
            next: 0,
            members: BTreeMap::new(),
            by_rank: BTreeSet::new(),
            counts: BTreeMap::new(),
            paces: vec![Pace::default(); PACES].into(),
            hasher,
            familiar: BTreeMap::new(),
        }
    }

    /// Changes the limits. Existing connections stay.
    pub fn change_limits(&mut self, limits: StrangerLimits) {
        self.limits = limits;
    }

    /// Takes in a connection, and names another that has to go for it.
    pub fn enter(
        &mut self,
        now: Duration,
        source: Source,
        lead: T,
    ) -> (Ticket, Option<(Pressure, T)>) {
        let familiar = self.is_familiar(now, source);
        let pushed_out = self.make_room(now, source, familiar);
        if familiar {
            self.keep_to_share(source);
        }
        let ticket = Ticket(self.next);
        self.next += 1;
        let member = Member {
            source,
            spared: familiar,
            standing: Standing::Silent,
            lead,
        };
        self.rank(&member, ticket);
        self.members.insert(ticket, member);
        (ticket, pushed_out)
    }

    /// The connection has ended. False if it had been pushed out before.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket).is_some()
    }

    /// The connection has come so far. It never falls back.
    pub fn advance(&mut self, ticket: Ticket, standing: Standing) {
        if self
            .members
            .get(&ticket)
            .is_some_and(|member| member.standing < standing)
        {
            self.rerank(ticket, |member| member.standing = standing);
        }
    }

    /// The connection has proved a key: it is no stranger, and its source is familiar.
    pub fn proved(&mut self, now: Duration, ticket: Ticket) {
        if let Some(member) = self.remove(ticket) {
            self.becomes_familiar(now, member.source);
        }
    }

    /// A connection of `source` has proved a key, here or in another table.
    pub fn becomes_familiar(&mut self, now: Duration, source: Source) {
        if self.familiar.len() >= MAX_FAMILIAR {
            self.familiar.retain(|_, until| *until > now);
        }
        // Known clients are not so many; where they are, the latest comers are not spared.
        if self.familiar.len() < MAX_FAMILIAR || self.familiar.contains_key(&source) {
            self.familiar.insert(source, now + FAMILIAR_FOR);
        }
    }

    /// Names the first who has to go, whatever the limits say.
    pub fn push_out(&mut self) -> Option<T> {
        self.push_out_of(Scope::All)
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn make_room(
        &mut self,
        now: Duration,
        source: Source,
        familiar: bool,
    ) -> Option<(Pressure, T)> {
        let per_second = self.limits.per_second;
        let on_pace = self.pace(source).allows(now, per_second);
        let is_full = self.members.len() >= self.limits.total;
        // A familiar source may have places that nobody else wants, but takes none from others for them.
        let pressure = if self.present(source) >= self.limits.per_source && (is_full || !familiar) {
            Some(Pressure::Source)
        } else {
            (!on_pace && !familiar).then_some(Pressure::Pace)
        };
        if let Some(pressure) = pressure
            && let Some(lead) = self.push_out_of(Scope::Of(source))
        {
            return Some((pressure, lead));
        }
        if !is_full {
            return None;
        }
        self.push_out().map(|lead| (Pressure::Total, lead))
    }

    /// Spares one less of a source that has its share of those, so that there is one for a newcomer. Its
    /// known clients are among the youngest.
    fn keep_to_share(&mut self, source: Source) {
        let scope = Scope::Of(source);
        let spared = STANDINGS.map(|standing| self.count(scope, standing, true));
        if spared.iter().sum::<usize>() < self.limits.per_source {
            return;
        }
        let oldest = STANDINGS.into_iter().filter_map(|standing| {
            let spared = (scope, standing, true);
            self.oldest(spared, spared)
        });
        if let Some(oldest) = oldest.min() {
            self.rerank(oldest, |member| member.spared = false);
        }
    }

    /// Evicts the first in turn, from the standing that takes most for its share.
    fn push_out_of(&mut self, scope: Scope) -> Option<T> {
        let (most, _) = SHARES
            .into_iter()
            .max_by_key(|(standing, share)| self.standing(scope, *standing) * (WHOLE / share))?;
        let ticket = self.oldest((scope, most, false), (scope, most, true))?;
        self.remove(ticket).map(|member| member.lead)
    }

    /// The oldest connection of the first rank that is not empty, from `first` to `last`.
    fn oldest(&self, first: Rank, last: Rank) -> Option<Ticket> {
        let range = (first, Ticket(0))..=(last, Ticket(u64::MAX));
        self.by_rank.range(range).next().map(|(_, ticket)| *ticket)
    }

    fn present(&self, source: Source) -> usize {
        let scope = Scope::Of(source);
        STANDINGS
            .map(|standing| self.standing(scope, standing))
            .iter()
            .sum()
    }

    fn standing(&self, scope: Scope, standing: Standing) -> usize {
        self.count(scope, standing, false) + self.count(scope, standing, true)
    }

    fn count(&self, scope: Scope, standing: Standing, spared: bool) -> usize {
        let count = self.counts.get(&(scope, standing, spared));
        count.copied().unwrap_or(0)
    }

    fn rank(&mut self, member: &Member<T>, ticket: Ticket) {
        for scope in [Scope::All, Scope::Of(member.source)] {
            let rank = (scope, member.standing, member.spared);
            self.by_rank.insert((rank, ticket));
            *self.counts.entry(rank).or_insert(0) += 1;
        }
    }

    fn rerank(&mut self, ticket: Ticket, change: impl FnOnce(&mut Member<T>)) {
        if let Some(mut member) = self.remove(ticket) {
            change(&mut member);
            self.rank(&member, ticket);
            self.members.insert(ticket, member);
        }
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Member<T>> {
        let member = self.members.remove(&ticket)?;
        for scope in [Scope::All, Scope::Of(member.source)] {
            let rank = (scope, member.standing, member.spared);
            self.by_rank.remove(&(rank, ticket));
            if let Some(count) = self.counts.get_mut(&rank) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&rank);
                }
            }
        }
        Some(member)
    }

    fn is_familiar(&self, now: Duration, source: Source) -> bool {
        self.familiar.get(&source).is_some_and(|until| *until > now)
    }

    fn pace(&mut self, source: Source) -> &mut Pace {
        let at = self.place_of_pace(source);
        &mut self.paces[at]
    }

    fn place_of_pace(&self, source: Source) -> usize {
        let hash = self.hasher.hash_one(source) % PACES as u64;
        usize::try_from(hash).unwrap_or(0)
    }
}

impl Pressure {
    /// For metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Total => "strangers",
            Self::Source => "strangers-of-one-source",
            Self::Pace => "pace-of-one-source",
        }
    }
}

const STANDINGS: [Standing; 3] = [Standing::Silent, Standing::Speaking, Standing::Greeted];
/// Each standing's share of the places; when all are taken, a standing above its share makes room.
const SHARES: [(Standing, usize); 3] = [
    (Standing::Silent, 2),
    (Standing::Speaking, 1),
    (Standing::Greeted, 1),
];
const WHOLE: usize = 4;

/// 16 KiB.
const PACES: usize = 1024;
/// More sites than a server has.
const MAX_FAMILIAR: usize = 4096;
/// A run that is repeated every hour stays familiar.
const FAMILIAR_FOR: Duration = Duration::from_secs(2 * 3600);

#[cfg(test)]
mod tests;
