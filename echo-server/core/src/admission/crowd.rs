//! Connections that have not proved a key. A newcomer always gets in, and somebody else makes room
//! where there are too many: the oldest of the newcomer's own source if that is the one that crowds,
//! else the oldest of those who have come equally far and are the most for their share. Sources where a
//! key was proved lately are spared as long as there are others. A known client needs a few round
//! trips, so a crowd costs it nothing but time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Source;
use super::rate::Pace;

/// How many strangers there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrowdLimits {
    /// From so many on, each newcomer pushes out another.
    pub total: usize,
    /// Likewise, of one source.
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
    Crowd,
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

/// The strangers of one server. `T` is whatever leads back to the connection.
#[derive(Debug)]
pub struct Crowd<T> {
    limits: CrowdLimits,
    next: u64,
    members: BTreeMap<Ticket, Member<T>>,
    by_source: BTreeSet<(Source, Ticket)>,
    /// Of each standing, those of sources where nobody has proved a key come first, and among equals the
    /// oldest.
    by_rank: BTreeSet<(Standing, bool, Ticket)>,
    by_standing: BTreeMap<Standing, usize>,
    present: BTreeMap<Source, usize>,
    /// By a hash of the source. That some share one does no harm: it only makes one of their own
    /// strangers leave earlier.
    paces: Box<[Pace]>,
    /// Until when sources are spared.
    familiar: BTreeMap<Source, Duration>,
}

#[derive(Debug)]
struct Member<T> {
    source: Source,
    familiar: bool,
    standing: Standing,
    lead: T,
}

impl<T> Crowd<T> {
    pub fn new(limits: CrowdLimits) -> Self {
        Self {
            limits,
            next: 0,
            members: BTreeMap::new(),
            by_source: BTreeSet::new(),
            by_rank: BTreeSet::new(),
            by_standing: BTreeMap::new(),
            present: BTreeMap::new(),
            paces: vec![Pace::default(); PACES].into(),
            familiar: BTreeMap::new(),
        }
    }

    /// Who is in stays in.
    pub fn change_limits(&mut self, limits: CrowdLimits) {
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
        let ticket = Ticket(self.next);
        self.next += 1;
        let member = Member {
            source,
            familiar,
            standing: Standing::Silent,
            lead,
        };
        self.members.insert(ticket, member);
        self.by_source.insert((source, ticket));
        self.rank(Standing::Silent, familiar, ticket);
        *self.present.entry(source).or_insert(0) += 1;
        (ticket, pushed_out)
    }

    /// The connection has ended. False if it had been pushed out before.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket).is_some()
    }

    /// The connection has come so far. It never falls back.
    pub fn advance(&mut self, ticket: Ticket, standing: Standing) {
        if let Some(member) = self.members.get_mut(&ticket)
            && member.standing < standing
        {
            let familiar = member.familiar;
            let before = std::mem::replace(&mut member.standing, standing);
            self.unrank(before, familiar, ticket);
            self.rank(standing, familiar, ticket);
        }
    }

    /// The connection has proved a key: it is no stranger, and its source is familiar.
    pub fn proved(&mut self, now: Duration, ticket: Ticket) {
        if let Some(member) = self.remove(ticket) {
            if self.familiar.len() >= MAX_FAMILIAR {
                self.familiar.retain(|_, until| *until > now);
            }
            // Known clients are not so many; where they are, the latest comers are not spared.
            if self.familiar.len() < MAX_FAMILIAR || self.familiar.contains_key(&member.source) {
                self.familiar.insert(member.source, now + FAMILIAR_FOR);
            }
        }
    }

    /// Names the first who has to go, whatever the limits say.
    pub fn push_out(&mut self) -> Option<T> {
        let of = |standing| self.by_standing.get(&standing).copied().unwrap_or(0);
        let (most, _) = SHARES
            .into_iter()
            .max_by_key(|(standing, share)| of(*standing) * (WHOLE / share))?;
        let (_, _, ticket) = *self.by_rank.range((most, false, Ticket(0))..).next()?;
        self.remove(ticket).map(|member| member.lead)
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
        if !familiar {
            let own = self.present.get(&source).copied().unwrap_or(0);
            let pressure = if own >= self.limits.per_source {
                Some(Pressure::Source)
            } else {
                (!on_pace).then_some(Pressure::Pace)
            };
            if let Some(pressure) = pressure
                && let Some(lead) = self.push_out_of(source)
            {
                return Some((pressure, lead));
            }
        }
        if self.members.len() < self.limits.total {
            return None;
        }
        self.push_out().map(|lead| (Pressure::Crowd, lead))
    }

    fn push_out_of(&mut self, source: Source) -> Option<T> {
        let (of, ticket) = *self.by_source.range((source, Ticket(0))..).next()?;
        if of != source {
            return None;
        }
        self.remove(ticket).map(|member| member.lead)
    }

    fn rank(&mut self, standing: Standing, familiar: bool, ticket: Ticket) {
        self.by_rank.insert((standing, familiar, ticket));
        *self.by_standing.entry(standing).or_insert(0) += 1;
    }

    fn unrank(&mut self, standing: Standing, familiar: bool, ticket: Ticket) {
        self.by_rank.remove(&(standing, familiar, ticket));
        if let Some(count) = self.by_standing.get_mut(&standing) {
            *count -= 1;
        }
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Member<T>> {
        let member = self.members.remove(&ticket)?;
        let source = member.source;
        self.by_source.remove(&(source, ticket));
        self.unrank(member.standing, member.familiar, ticket);
        if let Some(count) = self.present.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.present.remove(&source);
            }
        }
        Some(member)
    }

    fn is_familiar(&self, now: Duration, source: Source) -> bool {
        self.familiar.get(&source).is_some_and(|until| *until > now)
    }

    fn pace(&mut self, source: Source) -> &mut Pace {
        let bytes = match source {
            Source::V4([a, b, c, d]) => u64::from_be_bytes([0, 0, 0, 0, a, b, c, d]),
            Source::V6(bytes) => u64::from_be_bytes(bytes),
        };
        // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
        let hash = bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let at = usize::try_from(hash).unwrap_or(0) % PACES;
        &mut self.paces[at]
    }
}

impl Pressure {
    /// For metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Crowd => "strangers",
            Self::Source => "strangers-of-one-source",
            Self::Pace => "pace-of-one-source",
        }
    }
}

/// Of the places; where all are taken, whoever exceeds his most makes room.
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
