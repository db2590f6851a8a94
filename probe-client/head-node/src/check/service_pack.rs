//! `service-pack`: the release, by the first two numbers of its version.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;
use probe_core::profile::Sourcing;

use super::WithOrigin as _;
use crate::{AzurePorts, HeadNode, Reading, Release, Version};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::ServicePack;
    let check = match &node.version {
        Reading::Found(_, known) if node.releases().len() > 1 => Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "the list of installed programs says {}, and a service pack may not show there",
                known.version
            ),
        )
        .resting_on(Sourcing::FromMemory)
        .next(ASK_FOR_VERSION),
        Reading::Found(_, known) => match known.version.release() {
            Some(release) => of(release, known.version),
            None => Check::new(
                id,
                CheckStatus::Warn,
                format!(
                    "version {} is not in fwprobe's table of releases",
                    known.version
                ),
            )
            .next(
                "Compare the number with the release notes of HPC Pack; `fwprobe explain \
                   service-pack` lists what is known.",
            ),
        },
        Reading::Absent(_) => Check::new(
            id,
            CheckStatus::Skipped,
            "the list of installed programs has no HPC Pack; give its version with --assume \
             version=3.3 or sp=3",
        ),
        Reading::Unusable(..) | Reading::NotRead => Check::new(
            id,
            CheckStatus::Skipped,
            "no source that was read has the version; give it with --assume version=3.3 or sp=3",
        ),
    };
    check.from(&node.version)
}

fn of(release: &Release, version: Version) -> Check {
    let id = CheckId::ServicePack;
    let text = format!("version {version} is {}", release.name);
    if release.ports == AzurePorts::NoAzureNodes {
        return Check::new(
            id,
            CheckStatus::Fail,
            format!("{text}, which has no Azure nodes"),
        )
        .next("Install SP1 or later of HPC Pack 2008 R2 on the head node.")
        .resting_on(release.sourcing);
    }
    Check::new(id, CheckStatus::Pass, text).resting_on(release.sourcing)
}

const ASK_FOR_VERSION: &str = "On the head node, in PowerShell: Add-PSSnapin Microsoft.HPC; \
                               (Get-HpcClusterOverview).Version. Then give --assume version=…";
