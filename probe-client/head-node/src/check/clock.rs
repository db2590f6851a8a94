//! `clock`: this host's clock compared with the echo server's.

use crate::answer::{Check, CheckStatus};
use crate::catalogue::CheckId;

use super::WithOrigin as _;
use crate::{ClockState, HeadNode, Reading};

pub(super) fn ask(node: &HeadNode) -> Check {
    let id = CheckId::Clock;
    match &node.clock {
        Reading::Found(_, ClockState::Agrees) => Check::new(
            id,
            CheckStatus::Pass,
            "this host's clock and the server's agree within 5 seconds",
        ),
        Reading::Found(_, ClockState::Differs(how)) => {
            Check::new(id, CheckStatus::Warn, how.clone()).next(
                "Find the wrong one with a third clock; certificates and Kerberos depend on it. \
                 See `fwprobe explain clock-skew`.",
            )
        }
        Reading::Absent(_) | Reading::Unusable(..) | Reading::NotRead => Check::new(
            id,
            CheckStatus::Skipped,
            "only `fwprobe run` compares clocks, if the server testified",
        ),
    }
    .from(&node.clock)
}
