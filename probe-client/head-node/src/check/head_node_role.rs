//! `head-node-role`: HPC Pack's value InstalledRole contains HN.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::HeadNodeRole;
    match &node.roles {
        Reading::Found(_, roles) if roles.iter().any(|r| r.eq_ignore_ascii_case("HN")) => {
            let text = format!("InstalledRole is {}: a head node", roles.join(", "));
            Check::new(id, CheckStatus::Pass, text)
        }
        Reading::Found(_, roles) => Check::new(
            id,
            CheckStatus::Fail,
            format!(
                "InstalledRole is {}, without HN: not a head node",
                roles.join(", ")
            ),
        )
        .next(
            "Run the checks and the probes on the head node: ports and certificate matter there.",
        ),
        Reading::Absent(_) => Check::new(
            id,
            CheckStatus::Fail,
            "the registry has no value InstalledRole: this is not a head node",
        ),
        Reading::Unusable(_, found) => Check::new(
            id,
            CheckStatus::Warn,
            format!(
                "InstalledRole is {found}; expected names of roles such as HN in a list of strings \
                 (REG_MULTI_SZ)"
            ),
        )
        .next(
            "Look at the value in regedit, and export the key again with the head node's own \
               reg.exe.",
        ),
        Reading::NotRead => Check::new(
            id,
            CheckStatus::Skipped,
            "no source that was read has the role; give it with --assume role=HN",
        ),
    }
    .from(&node.roles)
}
