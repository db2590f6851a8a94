//! `proxy-settings`: which proxies the programs on the head node may use.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::ProxySettings;
    match &node.proxies {
        Reading::Found(_, found) if found.is_empty() => Check::new(
            id,
            CheckStatus::Pass,
            "no proxy is set in the settings that were read",
        ),
        Reading::Found(_, found) => {
            let all: Vec<String> = found
                .iter()
                .map(|proxy| format!("{}: {}", proxy.setting, proxy.value))
                .collect();
            Check::new(
                id,
                CheckStatus::Warn,
                format!(
                    "set: {}. HTTP calls may go there, net.tcp does not",
                    all.join("; ")
                ),
            )
            .next(
                "Probe the direct path for the net.tcp rules, and the proxy for HTTPS. The \
                   services' own account may have other settings.",
            )
        }
        Reading::Absent(_) | Reading::Unusable(..) | Reading::NotRead => {
            Check::new(id, CheckStatus::Skipped, "no proxy settings were read")
        }
    }
    .from(&node.proxies)
}
