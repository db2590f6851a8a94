//! `name-resolution`: every name that is dialled has an address.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use crate::{HeadNode, NameLookup};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::NameResolution;
    if node.names.is_empty() {
        return Check::new(
            id,
            CheckStatus::Skipped,
            "no name was looked up; with a connection string the server's is",
        );
    }
    let failed: Vec<String> = node.names.iter().filter_map(failure).collect();
    if failed.is_empty() {
        let all: Vec<String> = node.names.iter().map(success).collect();
        Check::new(id, CheckStatus::Pass, all.join("; "))
    } else {
        Check::new(id, CheckStatus::Fail, failed.join("; "))
            .next("Compare with nslookup NAME, and see `fwprobe explain name-not-resolved`.")
    }
}

fn failure(lookup: &NameLookup) -> Option<String> {
    let why = lookup.result.as_ref().err()?;
    Some(format!("{} has no address: {why}", lookup.name))
}

fn success(lookup: &NameLookup) -> String {
    let addresses = lookup.result.iter().flatten();
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
    match addresses.as_slice() {
        [one] if *one == lookup.name => format!("{one} is an address, no name is needed"),
        all => format!("{} is {}", lookup.name, all.join(", ")),
    }
}
