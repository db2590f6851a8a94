//! `default-route`: this host has a route to public addresses.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::DefaultRoute;
    let check = match &node.routes {
        Reading::Found(_, from) if from.is_empty() => Check::new(
            id,
            CheckStatus::Fail,
            "this host has no route to public addresses, neither IPv4 nor IPv6",
        )
        .next("Set a default gateway on the network that leads to the Internet."),
        Reading::Found(_, from) => {
            let list: Vec<String> = from.iter().map(ToString::to_string).collect();
            let list = list.join(" and ");
            if from.iter().any(std::net::IpAddr::is_ipv4) {
                let text = format!("public addresses are reached from {list}");
                Check::new(id, CheckStatus::Pass, text)
            } else {
                Check::new(
                    id,
                    CheckStatus::Warn,
                    format!("only IPv6 has a route (from {list}), and HPC Pack uses IPv4 alone"),
                )
                .next("Set an IPv4 default gateway.")
            }
        }
        Reading::Absent(_) | Reading::Unusable(..) | Reading::NotRead => Check::new(
            id,
            CheckStatus::Skipped,
            "the routes could not be asked for",
        ),
    };
    check.from(&node.routes)
}
