//! `nettcp-over-443`: the cluster property that chooses the protocol on port 443.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{AzurePorts, HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::NettcpOver443;
    let shared = node
        .release()
        .is_none_or(|release| matches!(release.ports, AzurePorts::Shared | AzurePorts::Switchable));
    if !shared {
        return Check::new(
            id,
            CheckStatus::Skipped,
            "this release uses a port per service, not 443 for all",
        )
        .from(&node.version);
    }
    match &node.nettcp_over_443 {
        Reading::Found(_, true) => Check::new(
            id,
            CheckStatus::Pass,
            "net.tcp runs over port 443, which is the default",
        )
        .next(
            "If a firewall lets only HTTPS through on 443: Set-HpcClusterProperty -NettcpOver443 \
               $false",
        ),
        Reading::Found(_, false) => Check::new(
            id,
            CheckStatus::Warn,
            "HTTPS runs over port 443 in place of net.tcp: the net.tcp rules of the profile are \
             not used by this cluster",
        )
        .next("Ignore the rules for 443/nettcp; the rule for 443/https is the one that applies."),
        Reading::Absent(_) | Reading::Unusable(..) | Reading::NotRead => Check::new(
            id,
            CheckStatus::Skipped,
            "it is a cluster property and not in the registry; Get-HpcClusterProperty shows it; \
             give it with --assume nettcp-over-443=true",
        ),
    }
    .from(&node.nettcp_over_443)
}
