//! `hpc-pack`: HPC Pack's key is in the registry.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, Origin, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::HpcPack;
    match &node.installed {
        Reading::Found(..) => Check::new(
            id,
            CheckStatus::Pass,
            "the registry has the key of HPC Pack: it is installed",
        ),
        Reading::Absent(origin) => Check::new(
            id,
            CheckStatus::Fail,
            r"the registry has no key HKLM\SOFTWARE\Microsoft\HPC: HPC Pack is not installed there",
        )
        .next(if matches!(origin, Origin::LiveRegistry(_)) {
            "Run fwprobe on the head node, or give an export of the head node's registry with \
             --registry-export."
        } else {
            "Make the export on the head node itself, as an administrator."
        }),
        Reading::NotRead | Reading::Unusable(..) => Check::new(
            id,
            CheckStatus::Skipped,
            "no registry was read that would hold the key of HPC Pack",
        ),
    }
    .from(&node.installed)
}
