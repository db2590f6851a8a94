//! `network-topology`: only reported, because the meaning of its values was never published.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::NetworkTopology;
    let skipped = |text: String| Check::new(id, CheckStatus::Skipped, text);
    match &node.network_topology {
        Reading::Found(_, topology) => Check::new(
            id,
            CheckStatus::Pass,
            format!(
                "NetworkTopology is {topology}; whichever it is, the head node must reach the \
                     Internet"
            ),
        ),
        Reading::Absent(_) => skipped("the registry has no value NetworkTopology".to_owned()),
        Reading::Unusable(_, found) => skipped(format!("NetworkTopology is {found}, not a string")),
        Reading::NotRead => skipped("no source that was read has this value".to_owned()),
    }
    .from(&node.network_topology)
}
