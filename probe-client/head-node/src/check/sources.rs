//! `sources`: the user's input can be read, and does not contradict itself.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use crate::{HeadNode, SourceState};

pub(super) fn ask(node: &HeadNode) -> Check {
    let mut worst = CheckStatus::Skipped;
    let mut told = Vec::new();
    for source in &node.sources {
        let origin = &source.origin;
        let (status, text) = match &source.state {
            SourceState::Read { keys: 0, .. } => (
                CheckStatus::Warn,
                format!("{origin}: read, and there is no key in it"),
            ),
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
    if !node.ignored_values.is_empty() {
        worst = worst.max(CheckStatus::Warn);
        told.push(format!(
            "Not used: {}. Only 32-bit programs see values at that place; the services of HPC \
             Pack are 64-bit (unconfirmed) and read the native key",
            node.ignored_values.join(", ")
        ));
    }
    match worst {
        CheckStatus::Skipped => Check::new(
            CheckId::Sources,
            worst,
            "no registry was read: name a file by --registry-export, or say with --assume what the \
             head node is",
        ),
        CheckStatus::Pass => Check::new(CheckId::Sources, worst, told.join(". ")),
        CheckStatus::Warn => {
            Check::new(CheckId::Sources, worst, told.join(". ")).next(next_of_a_warning(node))
        }
        CheckStatus::Fail => Check::new(CheckId::Sources, worst, told.join(". "))
            .next(r"On the head node: reg export HKLM\SOFTWARE\Microsoft\HPC hpc.reg"),
    }
}

fn next_of_a_warning(node: &HeadNode) -> &'static str {
    if node.ignored_values.is_empty() {
        "Values that could not be read are taken as unknown. Export the key again, and give the \
         file as it is."
    } else {
        "If the value is meant for HPC Pack, set it in the native key: use the 64-bit reg.exe, or \
         reg add with /reg:64."
    }
}
