//! `sources`: what the user gave could be read, and does not contradict itself.

use super::{Check, CheckStatus};
use crate::catalogue::CheckId;
use crate::head_node::{HeadNode, SourceState};

pub(super) fn ask(node: &HeadNode) -> Check {
    let mut worst = CheckStatus::Skipped;
    let mut told = Vec::new();
    for source in &node.sources {
        let origin = &source.origin;
        let (status, text) = match &source.state {
            SourceState::Read { keys, values } => (
                CheckStatus::Pass,
                format!("{origin}: read, with keys: {keys}, values: {values}"),
            ),
            SourceState::Partly { problems } => (
                CheckStatus::Warn,
                format!("{origin}: {}", problems.join("; ")),
            ),
            SourceState::Unreadable { why } => (CheckStatus::Fail, format!("{origin}: {why}")),
        };
        worst = if worst == CheckStatus::Skipped {
            status
        } else {
            worst.max(status)
        };
        told.push(text);
    }
    match worst {
        CheckStatus::Skipped => Check::new(
            CheckId::Sources,
            worst,
            "no registry was read: name a file by --registry-export, or say with --assume what the head node is",
        ),
        CheckStatus::Pass => Check::new(CheckId::Sources, worst, told.join(". ")),
        CheckStatus::Warn => Check::new(CheckId::Sources, worst, told.join(". "))
            .next("What could not be read is taken for unknown. Export the key again, and give the file as it is."),
        CheckStatus::Fail => Check::new(CheckId::Sources, worst, told.join(". "))
            .next(r"On the head node: reg export HKLM\SOFTWARE\Microsoft\HPC hpc.reg"),
    }
}
