//! Mixtures of two or three faults, drawn by a seed from `tests/lab/parts.toml`.
//!
//! The expected result for each port is derived from the parts alone. The judge is not used to draw a mixture, to build
//! it, or to derive what is expected.

mod draw;
mod line;
mod parts;
mod scenario;
mod trials;

use toml::Value;

use super::Family;

pub use parts::Parts;
pub use trials::{mixtures, repeated_mixtures, seeds};

/// The faults and conditions that one seed draws for one run.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Mixture {
    addresses: Addresses,
    /// Whether the run also goes through the proxy.
    proxied: bool,
    faults: Vec<Placed>,
    /// The index of the condition in the list of conditions.
    condition: Option<usize>,
}

/// The server addresses of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Addresses {
    Of(Family),
    Both,
}

/// A fault, and the ports that it is put on.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Placed {
    /// The index of the fault in the list of faults.
    fault: usize,
    ports: Vec<u16>,
    /// The affected family in a run over both families; `None` if the whole run is affected.
    only: Option<Family>,
}

impl Mixture {
    /// Returns the mixtures with one part less, and then those in which a fault has one port less.
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
        for (index, placed) in self.faults.iter().enumerate() {
            for port in placed.ports.iter().filter(|_| placed.ports.len() > 1) {
                let mut without = self.clone();
                without.faults[index].ports.retain(|other| other != port);
                all.push(without);
            }
        }
        all
    }
}

/// Returns a list in the form that a scenario file has.
fn strings(all: &[impl AsRef<str>]) -> Value {
    Value::Array(all.iter().map(|text| Value::from(text.as_ref())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixture() -> Mixture {
        let placed = |fault, ports: &[u16]| Placed {
            fault,
            ports: ports.to_vec(),
            only: None,
        };
        Mixture {
            addresses: Addresses::Of(Family::Ipv4),
            proxied: true,
            faults: vec![placed(0, &[443]), placed(1, &[80, 5901])],
            condition: Some(0),
        }
    }

    #[test]
    fn a_smaller_mixture_lacks_exactly_one_part_or_one_port() {
        let whole = mixture();
        let parts = |m: &Mixture| {
            m.faults.len() + usize::from(m.condition.is_some()) + usize::from(m.proxied)
        };
        let ports = |m: &Mixture| m.faults.iter().map(|f| f.ports.len()).sum::<usize>();
        let smaller = whole.smaller();
        let lacking: Vec<(usize, usize)> = smaller
            .iter()
            .map(|m| (parts(&whole) - parts(m), ports(&whole) - ports(m)))
            .collect();
        assert_eq!(lacking, [(1, 1), (1, 2), (1, 0), (1, 0), (0, 1), (0, 1)]);
    }
}
