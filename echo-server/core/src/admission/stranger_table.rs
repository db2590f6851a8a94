//! The connections over which no key has been proved. A newcomer always gets in; if there are too many connections,
//! another one has to leave. If the newcomer's source is over its limit, the evicted connection is from the same
//! source. Each standing has a share of the places, and the table evicts the oldest connection of the standing that
//! exceeds its share most. Sources that recently proved a key are spared as long as there are others, up to the
//! per-source limit. A known client needs only a few round trips to prove its key, so the table costs it nothing but
//! time.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::time::Duration;

use super::Source;
use super::rate::Pace;

/// The maximum number of strangers, and how fast they may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrangerLimits {
    /// The maximum number of strangers; once there are that many, each newcomer evicts another.
    pub total: usize,
    /// The maximum number of connections from one source.
    pub per_source: usize,
    /// The number of new connections per second from one source beyond which each newcomer evicts another.
    pub per_second: u32,
}

/// The number of one connection's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// The reason why a connection has to leave: the limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pressure {
    /// There are too many strangers.
    Total,
    /// One source has too many strangers.
    Source,
    /// New strangers of one source come too fast.
    Pace,
}

/// How far a stranger's connection has come. Silent connections must not evict those that have sent something, nor the
/// reverse, since every newcomer begins in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The peer has sent nothing yet, or nothing that begins a session.
    Silent,
    Speaking,
    /// The peer has sent a greeting under a known key, which can be a replay.
    Greeted,
}

/// The strangers of one server. `T` is a handle by which the shell finds the connection. `S` hashes sources, with a
/// secret key.
#[derive(Debug)]
pub struct StrangerTable<T, S = RandomState> {
    limits: StrangerLimits,
    next: u64,
    members: BTreeMap<Ticket, Member<T>>,
    /// The order of eviction: by standing, unspared connections first, and among equals the oldest.
    by_rank: BTreeSet<(Rank, Ticket)>,
    counts: BTreeMap<Rank, usize>,
    /// The rate of new connections, by a hash of the source. Sources with the same hash share a rate, so that their own
    /// strangers may have to leave earlier. Without the hasher's key, nobody can find a source with the same hash as
    /// another.
    paces: Box<[Pace]>,
    hasher: S,
    /// The time until which each source is spared.
    familiar: BTreeMap<Source, Duration>,
}

#[derive(Debug)]
struct Member<T> {
    source: Source,
    /// Whether the connection is spared: its source has proved a key and is within the per-source limit.
    spared: bool,
    standing: Standing,
    lead: T,
}

/// The connections from which one has to be evicted: all, or those of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    All,
    Of(Source),
}

/// The order of eviction within a scope: lower standings come first, and within a standing the connections that are not
/// spared.
type Rank = (Scope, Standing, bool);

impl<T, S: BuildHasher> StrangerTable<T, S> {
    /// Creates an empty table. `hasher` must have a key that strangers cannot know.
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

    /// Adds a connection. If another connection has to leave to make room, returns it with the reason.
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

    /// Removes a connection that has ended. Returns false if it had been evicted before.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket).is_some()
    }

    /// Records that the connection has reached `standing`. A standing never falls.
    pub fn advance(&mut self, ticket: Ticket, standing: Standing) {
        if self
            .members
            .get(&ticket)
            .is_some_and(|member| member.standing < standing)
        {
            self.rerank(ticket, |member| member.standing = standing);
        }
    }

    /// Removes a connection that has proved a key, and marks its source as familiar.
    pub fn proved(&mut self, now: Duration, ticket: Ticket) {
        if let Some(member) = self.remove(ticket) {
            self.becomes_familiar(now, member.source);
        }
    }

    /// Marks `source` as familiar, because one of its connections has proved a key, here or in another table.
    pub fn becomes_familiar(&mut self, now: Duration, source: Source) {
        if self.familiar.len() >= MAX_FAMILIAR {
            self.familiar.retain(|_, until| *until > now);
        }
        // Servers have fewer familiar sources than this. If there are more, the latest ones are not spared.
        if self.familiar.len() < MAX_FAMILIAR || self.familiar.contains_key(&source) {
            self.familiar.insert(source, now + FAMILIAR_FOR);
        }
    }

    /// Evicts the connection that is first in the order of eviction, even if no limit is reached.
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
        // A familiar source may use places that nobody else needs, but does not take places from others.
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

    /// Stops sparing the oldest connection of a source whose spared connections have reached the per-source limit, so
    /// that a newcomer can be spared. The connections of the source's known clients are among the youngest.
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

    /// Evicts the first connection of the standing that exceeds its share most.
    fn push_out_of(&mut self, scope: Scope) -> Option<T> {
        let (most, _) = SHARES
            .into_iter()
            .max_by_key(|(standing, share)| self.standing(scope, *standing) * (WHOLE / share))?;
        let ticket = self.oldest((scope, most, false), (scope, most, true))?;
        self.remove(ticket).map(|member| member.lead)
    }

    /// Returns the oldest connection of the first rank that is not empty, from `first` to `last`.
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
    /// Returns the word for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Total => "strangers",
            Self::Source => "strangers-of-one-source",
            Self::Pace => "pace-of-one-source",
        }
    }
}

const STANDINGS: [Standing; 3] = [Standing::Silent, Standing::Speaking, Standing::Greeted];
/// Each standing's share of the places. When all are taken, a connection of the standing that exceeds its share most
/// has to leave.
const SHARES: [(Standing, usize); 3] = [
    (Standing::Silent, 2),
    (Standing::Speaking, 1),
    (Standing::Greeted, 1),
];
const WHOLE: usize = 4;

/// The number of rates kept, 16 KiB in all.
const PACES: usize = 1024;
/// The maximum number of familiar sources: more than the sites of any server.
const MAX_FAMILIAR: usize = 4096;
/// How long a source stays familiar: a run that is repeated every hour keeps it so.
const FAMILIAR_FOR: Duration = Duration::from_secs(2 * 3600);

#[cfg(test)]
mod tests;
