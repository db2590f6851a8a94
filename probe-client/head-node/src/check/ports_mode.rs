//! `ports-mode`: which profile of ports this head node uses.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use probe_core::profile::Sourcing;

use super::WithOrigin as _;
use crate::{HeadNode, PortsMode, PortsUndecided, SwitchEffect};

pub(super) fn ask(node: &HeadNode) -> Check {
    match node.ports_mode() {
        Ok(mode) => decided(node, mode),
        Err(why) => undecided(&why),
    }
    .from(&node.version)
}

fn decided(node: &HeadNode, mode: PortsMode) -> Check {
    let id = CheckId::PortsMode;
    let profile = mode.profile;
    let check = match mode.switch {
        SwitchEffect::NoneInThisRelease => Check::new(
            id,
            CheckStatus::Pass,
            format!("this release uses the ports of the profile {profile}"),
        ),
        SwitchEffect::Off => Check::new(
            id,
            CheckStatus::Pass,
            format!("UseSp2AzurePorts is absent or 0: the ports of the profile {profile}"),
        )
        .next(WHEN_CHANGED)
        .from(&node.use_sp2_azure_ports),
        SwitchEffect::On => Check::new(
            id,
            CheckStatus::Pass,
            format!("UseSp2AzurePorts is above 0: the seven ports of the profile {profile}"),
        )
        .next(WHEN_CHANGED)
        .from(&node.use_sp2_azure_ports),
        SwitchEffect::TakenForOff => Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "UseSp2AzurePorts is not known; it is taken as absent, which means the profile \
                 {profile}"
            ),
        )
        .next(
            "Read it on the head node: reg query HKLM\\SOFTWARE\\Microsoft\\HPC /v \
               UseSp2AzurePorts. Above 0, the profile is hpc-2008r2-sp1.",
        ),
    };
    match node.releases().last() {
        Some(release) => check.resting_on(match release.major {
            // That the value no longer has an effect is inferred from the later code.
            4.. => Sourcing::Inferred,
            _ => release.sourcing,
        }),
        None => check,
    }
}

fn undecided(why: &PortsUndecided) -> Check {
    let id = CheckId::PortsMode;
    match why {
        PortsUndecided::NoAzureNodes(_) => Check::new(id, CheckStatus::Fail, why.to_string())
            .next("Install SP1 or later of HPC Pack 2008 R2 on the head node."),
        PortsUndecided::NoServicePack(_) => {
            let text = format!("{why}; give it with --assume sp=0 to sp=4");
            Check::new(id, CheckStatus::Skipped, text)
        }
        PortsUndecided::NoVersion | PortsUndecided::Unknown(_) => Check::new(
            id,
            CheckStatus::Skipped,
            format!(
                "{why}; name a profile (`fwprobe profiles list`), or give --assume version=3.3 or \
                 sp=3"
            ),
        ),
    }
}

const WHEN_CHANGED: &str = "After a change of that value: restart the head node, adapt the \
                            firewall, and deploy again the nodes that are already deployed.";
