//! Decides which ports the Azure nodes of this head node use, and so which profile to probe.

use super::{AzurePorts, HeadNode, Reading, Release, Version};

/// The profile that applies, and the facts that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortsMode {
    /// The id of a compiled-in profile.
    pub profile: &'static str,
    pub switch: SwitchEffect,
}

/// The effect of `UseSp2AzurePorts` on the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchEffect {
    /// This release does not use the value, or no longer does.
    NoneInThisRelease,
    /// The value is greater than 0, which selects the seven ports.
    On,
    /// The value is absent or 0, which selects the shared port.
    Off,
    /// The value was not read, so it is assumed to be absent, the default.
    TakenForOff,
}

/// The reason why no profile can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortsUndecided {
    #[error("no source has the version of HPC Pack")]
    NoVersion,
    #[error(
        "the version {0} comes from the list of installed programs, where a service pack may not \
         show (unconfirmed)"
    )]
    NoServicePack(Version),
    #[error("the version {0} is not in the table of releases")]
    Unknown(Version),
    #[error("the version {0} has no Azure nodes")]
    NoAzureNodes(Version),
}

impl HeadNode {
    /// Decides the ports mode.
    ///
    /// # Errors
    /// Returns an error if too little is known, or if the release has no Azure nodes.
    pub fn ports_mode(&self) -> Result<PortsMode, PortsUndecided> {
        let known = self.version.value().ok_or(PortsUndecided::NoVersion)?;
        let version = known.version;
        let modes = self.releases().iter().map(|release| self.mode_of(release));
        let modes: Vec<Option<PortsMode>> = modes.collect();
        let Some((last, earlier)) = modes.split_last() else {
            return Err(PortsUndecided::Unknown(version));
        };
        // If the switch has an effect in any of the possible releases, it has one in the newest.
        let profile = |mode: &Option<PortsMode>| mode.map(|mode| mode.profile);
        if earlier.iter().any(|mode| profile(mode) != profile(last)) {
            return Err(PortsUndecided::NoServicePack(version));
        }
        last.ok_or(PortsUndecided::NoAzureNodes(version))
    }

    /// Returns the ports mode under `release`, or `None` if the release has no Azure nodes.
    const fn mode_of(&self, release: &Release) -> Option<PortsMode> {
        let (profile, switch) = match release.ports {
            AzurePorts::NoAzureNodes => return None,
            AzurePorts::Seven => (SEVEN, SwitchEffect::NoneInThisRelease),
            AzurePorts::Shared => (BURST, SwitchEffect::NoneInThisRelease),
            AzurePorts::Switchable => match &self.use_sp2_azure_ports {
                Reading::Found(_, 0) | Reading::Absent(_) => (SHARED, SwitchEffect::Off),
                Reading::Found(..) => (SEVEN, SwitchEffect::On),
                Reading::NotRead | Reading::Unusable(..) => (SHARED, SwitchEffect::TakenForOff),
            },
        };
        Some(PortsMode { profile, switch })
    }
}

const SEVEN: &str = "hpc-2008r2-sp1";
const SHARED: &str = "hpc-2008r2-sp3";
const BURST: &str = "hpc-burst";

#[cfg(test)]
mod tests {
    use probe_core::profile::Profile;

    use super::*;
    use crate::{Origin, ProductVersion};

    /// Returns a head node with version 3.`minor` in its list of installed programs.
    fn listed(minor: u16, switch: Reading<u32>) -> HeadNode {
        let listed = ProductVersion {
            version: Version::new(3, minor),
            shows_service_pack: false,
        };
        HeadNode {
            version: Reading::Found(Origin::System, listed),
            use_sp2_azure_ports: switch,
            ..HeadNode::default()
        }
    }

    /// The installed service pack may be later than the one in the list, but never earlier.
    #[test]
    fn a_version_that_hides_service_packs_decides_where_all_possible_ones_agree() {
        let on = || Reading::Found(Origin::System, 1);
        let off = || Reading::Absent(Origin::System);
        for (minor, switch, profile) in [
            (0, on(), None),
            (0, off(), None),
            (1, on(), Some(SEVEN)),
            (1, off(), None),
            (2, on(), Some(SEVEN)),
            (2, off(), None),
            (2, Reading::NotRead, None),
            (3, on(), Some(SEVEN)),
            (3, off(), Some(SHARED)),
            (4, on(), Some(SEVEN)),
            (4, off(), Some(SHARED)),
        ] {
            let mode = listed(minor, switch.clone()).ports_mode();
            let why = format!("3.{minor}, {switch:?}: {mode:?}");
            assert_eq!(mode.ok().map(|mode| mode.profile), profile, "{why}");
        }
        let mode = listed(3, on()).ports_mode().unwrap();
        assert_eq!(mode.switch, SwitchEffect::On);
        let undecided = listed(1, off()).ports_mode();
        let version = Version::new(3, 1);
        assert_eq!(undecided, Err(PortsUndecided::NoServicePack(version)));
    }

    #[test]
    fn every_profile_named_here_is_compiled_in() {
        for id in [SEVEN, SHARED, BURST] {
            assert_eq!(Profile::lookup(id).unwrap().id.to_string(), id);
        }
    }
}
