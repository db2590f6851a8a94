//! `node-type`: worker nodes need SP1, VM nodes SP2.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, NodeType};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::NodeType;
    let Some(wanted) = node.planned.node_type else {
        return Check::new(
            id,
            CheckStatus::Skipped,
            "give the type of the planned nodes with --node-type worker or vm",
        );
    };
    let (least, pack) = match wanted {
        NodeType::Worker => ((3, 1), "SP1"),
        NodeType::Vm => ((3, 2), "SP2"),
    };
    // If the oldest possible release has these nodes, the later ones have them too.
    let possible = node.releases();
    let oldest = possible.first().filter(|oldest| oldest.pair() >= least);
    let Some(release) = node.release().or(oldest) else {
        let text =
            format!("the version of HPC Pack, which decides about {wanted} nodes, is not known");
        return Check::new(id, CheckStatus::Skipped, text).from(&node.version);
    };
    let check = if release.pair() < least {
        Check::new(
            id,
            CheckStatus::Fail,
            format!(
                "{} has no {wanted} nodes: they need {pack} or later",
                release.name
            ),
        )
        .next(format!(
            "Install {pack} or later of HPC Pack 2008 R2 on the head node."
        ))
    } else if wanted == NodeType::Vm && release.major > 3 {
        Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "{} is later than 2008 R2, and the requirements mention VM nodes for 2008 R2 alone",
                release.name
            ),
        )
        .next("Look up in its own documentation which nodes that release can deploy.")
    } else {
        let later = if possible.len() > 1 { " or later" } else { "" };
        let name = release.name;
        let text = format!("{name}{later} has {wanted} nodes ({pack} or later)");
        Check::new(id, CheckStatus::Pass, text)
    };
    check.resting_on(release.sourcing).from(&node.version)
}
