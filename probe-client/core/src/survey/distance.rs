//! The distance, in hops, to the peer that answers on a port. It is a range, because paths of different lengths may
//! lead there.

use super::{AGREEING, HopTry, sources};

/// The range of the smallest hop limits with which answers come back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Distance {
    pub nearest: u8,
    pub farthest: u8,
}

/// The result of comparing two distances.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RelativeDistance {
    /// The peer is nearer on every path.
    Nearer {
        answering: Distance,
        server: Distance,
    },
    /// The peer is exactly as far on every path.
    Same { distance: u8 },
    /// The ranges overlap, or too few answers came back.
    Undecided,
}

impl Distance {
    /// Returns the distance that `tries` on one port show, together with the exact distances in `known`.
    ///
    /// `None` unless enough source ports agree that nothing nearer answers, and that an answer comes from this
    /// distance.
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

    /// Compares this distance with the distance of `server`.
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
