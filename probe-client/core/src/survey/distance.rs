//! How many hops away whoever answers on a port is: a range, since ways of unequal length may lead
//! there.

use super::{AGREEING, HopTry, sources};

/// The smallest hop limits with which answers come back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Distance {
    pub nearest: u8,
    pub farthest: u8,
}

/// One distance against another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RelativeDistance {
    /// Nearer on every way.
    Nearer {
        answering: Distance,
        server: Distance,
    },
    /// Exactly as far on every way.
    Same { distance: u8 },
    /// The ranges overlap, or too little came back.
    Undecided,
}

impl Distance {
    /// The distance that `tries` on one port show, together with `known` exact ones. Absent unless
    /// enough source ports agree that nothing answers from nearer, and that an answer comes from there.
    pub(super) fn of<'a>(
        tries: impl Iterator<Item = &'a HopTry> + Clone,
        known: &[u8],
    ) -> Option<Self> {
        let ends = || tries.clone().filter(|t| t.answer.is_end());
        let expired = || tries.clone().filter(|t| t.expired_at().is_some());
        let nearest = ends()
            .map(|t| t.hop_limit)
            .chain(known.iter().copied())
            .min()?;
        let beyond = expired().map(|t| t.hop_limit.saturating_add(1));
        let farthest = beyond
            .chain(known.iter().copied())
            .max()
            .unwrap_or(0)
            .max(nearest);
        let just_short = nearest.saturating_sub(1);
        let short = tries.clone().filter(|t| {
            (t.hop_limit == just_short && t.answer.is_short())
                || (t.hop_limit > just_short && t.expired_at().is_some())
        });
        let exact = known.len();
        let bounded_below = just_short == 0 || sources(short) + exact >= AGREEING;
        let answered = sources(ends().filter(|t| t.hop_limit <= farthest)) + exact;
        (bounded_below && answered >= AGREEING).then_some(Self { nearest, farthest })
    }

    /// Whether this one is nearer than `server` or as far.
    pub fn compare(self, server: Self) -> RelativeDistance {
        if self.farthest < server.nearest {
            return RelativeDistance::Nearer {
                answering: self,
                server,
            };
        }
        if self == server && self.nearest == self.farthest {
            return RelativeDistance::Same {
                distance: self.nearest,
            };
        }
        RelativeDistance::Undecided
    }
}
