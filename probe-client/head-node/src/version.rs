//! The table of HPC Pack's versions: which product and service pack a number means, and how that release uses Azure.
//! The first two numbers alone identify the service pack.

use std::fmt;
use std::str::FromStr;

use probe_core::profile::Sourcing;

/// A version of four parts, as program files have it. The last two parts may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u16,
    pub minor: u16,
    pub build: Option<u32>,
    pub revision: Option<u32>,
}

/// A text that is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected two to four numbers, as in 3.3 or 3.3.3950.0")]
pub struct InvalidVersion;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    pub major: u16,
    pub minor: u16,
    /// The name with service pack or update.
    pub name: &'static str,
    /// How well founded it is that this number means this release.
    pub sourcing: Sourcing,
    /// The released build, and how well founded that is.
    pub build: Option<(&'static str, Sourcing)>,
    pub ports: AzurePorts,
}

/// The ports that the Azure nodes of a release use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AzurePorts {
    /// The release has no Azure nodes.
    NoAzureNodes,
    /// Seven ports, one per service.
    Seven,
    /// 443 and 3389, or the seven ports if `UseSp2AzurePorts` says so.
    Switchable,
    /// 443 and 3389; `UseSp2AzurePorts` has no effect.
    Shared,
}

impl Version {
    pub const fn new(major: u16, minor: u16) -> Self {
        Self {
            major,
            minor,
            build: None,
            revision: None,
        }
    }

    /// Returns the version's row, if the table has one.
    pub fn release(self) -> Option<&'static Release> {
        self.row().first()
    }

    /// Returns the version's row as a part of the table; an empty part if there is no such row.
    pub(super) fn row(self) -> &'static [Release] {
        let later = self.row_and_later_service_packs();
        later.get(..1).unwrap_or_default()
    }

    /// Returns the version's row and those of later service packs of the same product.
    pub(super) fn row_and_later_service_packs(self) -> &'static [Release] {
        let mut rows = RELEASES.chunk_by(|row, next| row.major == next.major);
        let product = rows.find(|rows| rows.iter().any(|row| row.major == self.major));
        let product = product.unwrap_or_default();
        let place = product.iter().position(|row| row.pair() == self.pair());
        place.map_or(&[], |place| &product[place..])
    }

    /// Returns the first two numbers, by which releases are compared.
    pub const fn pair(self) -> (u16, u16) {
        (self.major, self.minor)
    }
}

impl Release {
    /// Returns every row, oldest first.
    pub const fn all() -> &'static [Self] {
        RELEASES
    }

    pub const fn pair(&self) -> (u16, u16) {
        (self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        if !(2..=4).contains(&parts.len()) {
            return Err(InvalidVersion);
        }
        let number = |index: usize| -> Result<Option<u32>, InvalidVersion> {
            match parts.get(index) {
                None => Ok(None),
                Some(part) if part.bytes().all(|b| b.is_ascii_digit()) => {
                    part.parse().map(Some).map_err(|_| InvalidVersion)
                }
                Some(_) => Err(InvalidVersion),
            }
        };
        let short = |index| {
            let value = number(index)?.ok_or(InvalidVersion)?;
            u16::try_from(value).map_err(|_| InvalidVersion)
        };
        Ok(Self {
            major: short(0)?,
            minor: short(1)?,
            build: number(2)?,
            revision: number(3)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        for part in [self.build, self.revision].into_iter().flatten() {
            write!(f, ".{part}")?;
        }
        Ok(())
    }
}

const fn row(
    (major, minor): (u16, u16),
    name: &'static str,
    sourcing: Sourcing,
    build: Option<(&'static str, Sourcing)>,
    ports: AzurePorts,
) -> Release {
    Release {
        major,
        minor,
        name,
        sourcing,
        build,
        ports,
    }
}

use AzurePorts::{NoAzureNodes, Seven, Shared, Switchable};
use Sourcing::{FromMemory, Inferred, Verified};

/// The releases.
///
/// Names and numbers come from the HPC Pack release notes and from the SOA client's own version constants. The service
/// packs of 2008 R2 from SP2 on follow the pattern of RTM and SP1.
const RELEASES: &[Release] = &[
    row((2, 0), "HPC Pack 2008", FromMemory, None, NoAzureNodes),
    row((2, 1), "HPC Pack 2008 SP1", FromMemory, None, NoAzureNodes),
    row(
        (3, 0),
        "HPC Pack 2008 R2 without service pack",
        Verified,
        Some(("3.0.2369.0", FromMemory)),
        NoAzureNodes,
    ),
    row(
        (3, 1),
        "HPC Pack 2008 R2 SP1",
        Verified,
        Some(("3.1.3363.0", FromMemory)),
        Seven,
    ),
    row(
        (3, 2),
        "HPC Pack 2008 R2 SP2",
        Inferred,
        Some(("3.2.3716.0", FromMemory)),
        Seven,
    ),
    row(
        (3, 3),
        "HPC Pack 2008 R2 SP3",
        Inferred,
        Some(("3.3.3950.0", FromMemory)),
        Switchable,
    ),
    row(
        (3, 4),
        "HPC Pack 2008 R2 SP4",
        Inferred,
        Some(("3.4.4169.0", FromMemory)),
        Switchable,
    ),
    row(
        (4, 0),
        "HPC Pack 2012",
        Verified,
        Some(("4.0.3906.0", FromMemory)),
        Shared,
    ),
    row(
        (4, 1),
        "HPC Pack 2012 SP1",
        Verified,
        Some(("4.1.4174.0", FromMemory)),
        Shared,
    ),
    row(
        (4, 2),
        "HPC Pack 2012 R2",
        Verified,
        Some(("4.2.4400", Verified)),
        Shared,
    ),
    row(
        (4, 3),
        "HPC Pack 2012 R2 Update 1",
        Verified,
        Some(("4.3.4652", Verified)),
        Shared,
    ),
    row(
        (4, 4),
        "HPC Pack 2012 R2 Update 2",
        Verified,
        Some(("4.4.4864", Verified)),
        Shared,
    ),
    row(
        (4, 5),
        "HPC Pack 2012 R2 Update 3",
        Verified,
        Some(("4.5.5079", Verified)),
        Shared,
    ),
    row(
        (5, 0),
        "HPC Pack 2016",
        Verified,
        Some(("5.0.5826", Verified)),
        Shared,
    ),
    row(
        (5, 1),
        "HPC Pack 2016 Update 1",
        Verified,
        Some(("5.1.6086", Verified)),
        Shared,
    ),
    row(
        (5, 2),
        "HPC Pack 2016 Update 2",
        Verified,
        Some(("5.2.6277", Verified)),
        Shared,
    ),
    row(
        (5, 3),
        "HPC Pack 2016 Update 3",
        Verified,
        Some(("5.3.6435", Verified)),
        Shared,
    ),
    row(
        (6, 0),
        "HPC Pack 2019",
        Verified,
        Some(("6.0.7205", Verified)),
        Shared,
    ),
    row(
        (6, 1),
        "HPC Pack 2019 Update 1",
        Verified,
        Some(("6.1.7531", Verified)),
        Shared,
    ),
    row(
        (6, 2),
        "HPC Pack 2019 Update 2",
        Verified,
        Some(("6.2.7756", Verified)),
        Shared,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_two_to_four_numbers() {
        for text in ["3.3", "3.3.3950", "3.3.3950.0", "6.2.7756.0"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "3",
            "3.",
            "3.x",
            "3.3.1.2.3",
            "+3.3",
            "70000.1",
            "3.3.99999999999",
        ] {
            assert_eq!(text.parse::<Version>(), Err(InvalidVersion), "{text}");
        }
    }

    #[test]
    fn the_table_is_in_order_and_its_builds_begin_with_their_release() {
        assert!(Release::all().is_sorted_by_key(Release::pair));
        for release in Release::all() {
            let prefix = format!("{}.{}.", release.major, release.minor);
            assert!(
                release
                    .build
                    .is_none_or(|(build, _)| build.starts_with(&prefix))
            );
        }
    }

    #[test]
    fn the_build_plays_no_part() {
        let odd: Version = "3.3.1.7".parse().unwrap();
        assert_eq!(odd.release().unwrap().name, "HPC Pack 2008 R2 SP3");
        assert_eq!(Version::new(6, 3).release(), None);
    }
}
