//! Draws the parts of a mixture and their ports by a seed.

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IteratorRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};

use super::super::Family;
use super::super::scenario::PROFILE_PORTS;
use super::parts::{Fault, Parts, Reach};
use super::{Addresses, Mixture, Placed};

impl Mixture {
    /// Draws the mixture of `seed`. The same seed and list of parts always give the same mixture.
    pub(super) fn draw(seed: u64, parts: &Parts) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let addresses = match rng.random_range(0..4) {
            0 => Addresses::Both,
            1 => Addresses::Of(Family::Ipv6),
            _ => Addresses::Of(Family::Ipv4),
        };
        let proxied = addresses == Addresses::Of(Family::Ipv4) && rng.random_range(0..3) == 0;
        let condition =
            (rng.random_range(0..2) == 0).then(|| rng.random_range(0..parts.conditions.len()));
        let wanted = rng.random_range(2..=3);
        let mut free = PROFILE_PORTS.to_vec();
        free.shuffle(&mut rng);
        let mut order: Vec<usize> = (0..parts.faults.len()).collect();
        order.shuffle(&mut rng);
        let mut faults = Vec::new();
        for index in order {
            if faults.len() == wanted {
                break;
            }
            let fault = &parts.faults[index];
            if addresses == Addresses::Both && fault.families == Reach::Single {
                continue;
            }
            let at_most = rng.random_range(1..=2);
            let ports = take(&mut free, fault, at_most);
            if ports.is_empty() {
                continue;
            }
            let one = addresses == Addresses::Both && fault.families == Reach::One;
            faults.push(Placed {
                fault: index,
                ports,
                only: one
                    .then(|| Family::ALL.into_iter().choose(&mut rng))
                    .flatten(),
            });
        }
        Self {
            addresses,
            proxied,
            faults,
            condition,
        }
    }
}

/// Takes up to `at_most` of the free ports that `fault` can be put on.
fn take(free: &mut Vec<u16>, fault: &Fault, at_most: usize) -> Vec<u16> {
    let fits = |port: &u16| fault.ports.is_empty() || fault.ports.contains(port);
    let mut taken: Vec<u16> = free.iter().copied().filter(fits).take(at_most).collect();
    free.retain(|port| !taken.contains(port));
    taken.sort_unstable();
    taken
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn parts() -> Parts {
        Parts::read(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/lab/parts.toml"
        )))
        .expect("the list of parts")
    }

    #[test]
    fn a_seed_draws_the_same_mixture_each_time() {
        let parts = parts();
        for seed in 0..50 {
            assert_eq!(Mixture::draw(seed, &parts), Mixture::draw(seed, &parts));
        }
    }

    #[test]
    fn every_mixture_has_two_or_three_faults_and_a_port_without_any() {
        let parts = parts();
        for seed in 0..500 {
            let mixture = Mixture::draw(seed, &parts);
            assert!((2..=3).contains(&mixture.faults.len()), "{mixture:?}");
            let all: Vec<u16> = mixture
                .faults
                .iter()
                .flat_map(|f| f.ports.clone())
                .collect();
            let distinct: BTreeSet<u16> = all.iter().copied().collect();
            assert_eq!(all.len(), distinct.len(), "{mixture:?}");
            assert!(all.len() < PROFILE_PORTS.len(), "{mixture:?}");
        }
    }

    #[test]
    fn every_part_is_drawn() {
        let parts = parts();
        let drawn: Vec<Mixture> = (0..500).map(|seed| Mixture::draw(seed, &parts)).collect();
        for index in 0..parts.faults.len() {
            let has = |m: &Mixture| m.faults.iter().any(|f| f.fault == index);
            assert!(drawn.iter().any(has), "{}", parts.faults[index].name);
        }
        for index in 0..parts.conditions.len() {
            assert!(drawn.iter().any(|m| m.condition == Some(index)));
        }
        assert!(drawn.iter().any(|m| m.proxied));
    }
}
