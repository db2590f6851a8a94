//! Landlock: nothing is written anywhere, nothing is read but what is named, and no TCP port is bound or
//! dialled any more (Linux 5.13, and 6.7 for the ports; kernel documentation, userspace-api/landlock).

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, path_beneath_rules,
};

use crate::process::PROCESS;

pub(super) fn only(readable: &[&Path]) -> Result<(), String> {
    match restrict(readable) {
        Ok(RulesetStatus::FullyEnforced) => Ok(()),
        Ok(RulesetStatus::PartiallyEnforced) => {
            Err("this kernel knows only a part of it, which is in force".to_owned())
        }
        Ok(RulesetStatus::NotEnforced) => Err("not in this kernel, or not enabled".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn restrict(readable: &[&Path]) -> Result<RulesetStatus, RulesetError> {
    // For what the metrics say of this process.
    let own = [Path::new(PROCESS)];
    let readable = readable.iter().chain(&own);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .create()?
        .add_rules(path_beneath_rules(
            readable,
            AccessFs::ReadFile | AccessFs::ReadDir,
        ))?
        .restrict_self()?;
    Ok(status.ruleset)
}
