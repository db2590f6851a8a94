//! Decides which ports the Azure nodes of this head node use, and so which profile to probe.

use super::{AzurePorts, HeadNode, Reading, Version};

/// The profile that applies, and how that was decided.
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

/// Why no profile can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortsUndecided {
    #[error("nothing tells the version of HPC Pack")]
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
        if !known.shows_service_pack {
            return Err(PortsUndecided::NoServicePack(version));
        }
        let release = version.release().ok_or(PortsUndecided::Unknown(version))?;
        let (profile, switch) = match release.ports {
            AzurePorts::NoAzureNodes => return Err(PortsUndecided::NoAzureNodes(version)),
            AzurePorts::Seven => (SEVEN, SwitchEffect::NoneInThisRelease),
            AzurePorts::Shared => (BURST, SwitchEffect::NoneInThisRelease),
            AzurePorts::Switchable => match &self.use_sp2_azure_ports {
                Reading::Found(_, 0) | Reading::Absent(_) => (SHARED, SwitchEffect::Off),
                Reading::Found(..) => (SEVEN, SwitchEffect::On),
                Reading::NotRead | Reading::Unusable(..) => (SHARED, SwitchEffect::TakenForOff),
            },
        };
        Ok(PortsMode { profile, switch })
    }
}

const SEVEN: &str = "hpc-2008r2-sp1";
const SHARED: &str = "hpc-2008r2-sp3";
const BURST: &str = "hpc-burst";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn every_profile_named_here_is_compiled_in() {
        for id in [SEVEN, SHARED, BURST] {
            assert_eq!(Profile::lookup(id).unwrap().id.to_string(), id);
        }
    }
}
