//! Mixtures of two or three faults, drawn by a seed from `tests/lab/parts.toml`, with what is right about each port
//! derived from the parts. The judge has no part in that: the same run is drawn, put together and expected without it.

mod draw;
mod parts;
mod scenario;
mod trials;

use super::Family;

pub use parts::Parts;
pub use trials::{mixtures, seeds};

/// What one seed puts in the way of one run.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mixture {
    addresses: Addresses,
    /// The run also goes through the proxy.
    proxied: bool,
    faults: Vec<Placed>,
    /// By its place in the list of conditions.
    condition: Option<usize>,
}

/// The server addresses of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Addresses {
    Of(Family),
    Both,
}

/// A fault on ports of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Placed {
    /// By its place in the list of faults.
    fault: usize,
    ports: Vec<u16>,
    /// In a run over both families: the one that is affected; absent: all of the run.
    only: Option<Family>,
}

impl Mixture {
    /// The mixtures that lack one part of this one.
    fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for index in 0..self.faults.len() {
            let mut without = self.clone();
            without.faults.remove(index);
            all.push(without);
        }
        if self.condition.is_some() {
            all.push(Self {
                condition: None,
                ..self.clone()
            });
        }
        if self.proxied {
            all.push(Self {
                proxied: false,
                ..self.clone()
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixture() -> Mixture {
        let placed = |fault| Placed {
            fault,
            ports: vec![443],
            only: None,
        };
        Mixture {
            addresses: Addresses::Of(Family::Ipv4),
            proxied: true,
            faults: vec![placed(0), placed(1)],
            condition: Some(0),
        }
    }

    #[test]
    fn a_smaller_mixture_lacks_exactly_one_part() {
        let whole = mixture();
        let count = |m: &Mixture| {
            m.faults.len() + usize::from(m.condition.is_some()) + usize::from(m.proxied)
        };
        let smaller = whole.smaller();
        assert_eq!(smaller.len(), 4);
        assert!(smaller.iter().all(|m| count(m) == count(&whole) - 1));
    }
}
