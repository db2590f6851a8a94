//! `use-sp2-azure-ports`: the registry value has the right type, and has an effect in this release.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use probe_core::profile::Sourcing;

use super::WithOrigin as _;
use crate::{AzurePorts, HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::UseSp2AzurePorts;
    let ports = node.release().map(|release| release.ports);
    let effective = ports.is_none_or(|ports| ports == AzurePorts::Switchable);
    match &node.use_sp2_azure_ports {
        Reading::NotRead => Check::new(
            id,
            CheckStatus::Skipped,
            "no source that was read has this value; give it with --assume use-sp2-azure-ports=0",
        ),
        Reading::Absent(_) => {
            Check::new(id, CheckStatus::Pass, "it is absent, which is the default")
        }
        Reading::Unusable(_, found) => Check::new(
            id,
            CheckStatus::Warn,
            format!("it is {found}, not a REG_DWORD; how HPC Pack reads it is not known"),
        )
        .next(CREATE)
        .resting_on(Sourcing::Inferred),
        Reading::Found(_, value) if effective => Check::new(
            id,
            CheckStatus::Pass,
            match value {
                0 => "it is 0, which is the same as absent".to_owned(),
                value => format!("it is {value}: the seven ports are used"),
            },
        ),
        Reading::Found(_, value) => Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "it is {value}, and does nothing in this release: it is for SP3 and SP4 of 2008 R2"
            ),
        )
        .next("Delete it, so that nobody builds a firewall rule on it.")
        .resting_on(Sourcing::Inferred),
    }
    .from(&node.use_sp2_azure_ports)
}

const CREATE: &str = r"Delete it, or set it correctly: reg add HKLM\SOFTWARE\Microsoft\HPC /v UseSp2AzurePorts /t REG_DWORD /d 1 /f";
