//! `blocked-on-this-host`: this host's own firewall or security software refuses the connection.

use crate::catalogue::VerdictId;
use crate::verdict::{Confidence, Segment, Verdict};

/// Returns the verdict for a connection that a rule of this host refuses.
pub(super) fn by_a_rule(target: &str) -> Verdict {
    Verdict::new(
        VerdictId::BlockedOnThisHost,
        Segment::ThisHost,
        Confidence::High,
        format!("this host itself forbids the connection to {target}; no packet left it"),
    )
    .next(format!(
        "ask the admin of this host to allow outbound TCP to {target} in its own firewall and \
         security software (nftables or iptables, Windows Firewall's outbound rules, an endpoint \
         agent); such a rule may be bound to a program or user, so have it allow the application \
         as well as fwprobe"
    ))
}
