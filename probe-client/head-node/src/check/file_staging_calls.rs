//! `file-staging-calls`: FileStagingMaxConcurrentCalls compared with the number of planned nodes.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::FileStagingCalls;
    let skipped = |why: &str| Check::new(id, CheckStatus::Skipped, why);
    if node
        .release()
        .is_some_and(|release| release.pair() < (3, 2))
    {
        return skipped("the value is for SP2 of 2008 R2 or later").from(&node.version);
    }
    let calls = &node.file_staging_calls;
    let (effective, state) = match calls {
        Reading::NotRead => {
            return skipped(
                "no source that was read has this value; give it with --assume \
                 file-staging-calls=64",
            );
        }
        Reading::Found(_, value) => (*value, format!("FileStagingMaxConcurrentCalls is {value}")),
        Reading::Absent(_) => (
            DEFAULT,
            format!("FileStagingMaxConcurrentCalls is absent, so {DEFAULT} applies"),
        ),
        Reading::Unusable(_, found) => (
            DEFAULT,
            format!(
                "FileStagingMaxConcurrentCalls is {found}, not a REG_DWORD, and {DEFAULT} applies \
                 instead"
            ),
        ),
    };
    if let Reading::Unusable(..) = calls {
        let check = Check::new(id, CheckStatus::Warn, state);
        return check.next(set(node.planned.nodes)).from(calls);
    }
    if node.planned.cores.is_some_and(|cores| cores <= LARGE) {
        return skipped("the advice is for deployments of more than 200 cores").from(calls);
    }
    let Some(nodes) = node.planned.nodes else {
        return skipped(&format!(
            "{state}; give the number of planned nodes with --nodes N"
        ))
        .from(calls);
    };
    judged(effective, nodes, &state).from(calls)
}

fn judged(effective: u32, nodes: u32, state: &str) -> Check {
    let id = CheckId::FileStagingCalls;
    let (least, most) = (nodes.div_ceil(2), nodes);
    let wanted = format!("{least} to {most} (50 to 100 % of {nodes} nodes) is advised");
    if (least..=most).contains(&effective) {
        Check::new(id, CheckStatus::Pass, format!("{state}; {wanted}"))
    } else if effective < least {
        let text =
            format!("{state}, which is too low: {wanted}, or file staging becomes the bottleneck");
        Check::new(id, CheckStatus::Warn, text).next(set(Some(nodes)))
    } else {
        let text = format!("{state}, which is more than there are nodes: {wanted}");
        Check::new(id, CheckStatus::Warn, text).next(set(Some(nodes)))
    }
}

fn set(nodes: Option<u32>) -> String {
    let value = nodes.map_or_else(|| "N".to_owned(), |nodes| nodes.to_string());
    format!(
        r"reg add HKLM\SOFTWARE\Microsoft\HPC /v FileStagingMaxConcurrentCalls /t REG_DWORD /d {value} /f, then restart the HPC Job Scheduler Service."
    )
}

/// The default that applies if the registry value is absent or of another type (Azure/Telepathy, FileStagingCommon).
const DEFAULT: u32 = 64;

/// The number of cores above which the requirements apply.
const LARGE: u32 = 200;
