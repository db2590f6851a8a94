//! Hops and distances in words.

use crate::survey::{Distance, Survey};
use crate::words::counted;

/// Returns a hop in words, for example `hop 2 (192.0.2.2)`.
pub(in super::super) fn named(survey: &Survey, hop: u8) -> String {
    match survey.address_of(hop) {
        Some(address) => format!("hop {hop} ({address})"),
        None if hop == 1 => {
            "hop 1 (it did not answer the trace: this host's own gateway, as `ip route get` or \
             `route print` shows it)"
                .to_owned()
        }
        None => format!(
            "hop {hop} (it did not answer the trace: the router behind hop {}, which the network \
             team knows)",
            hop - 1
        ),
    }
}

pub(in super::super) fn hops(distance: Distance) -> String {
    match (distance.nearest, distance.farthest) {
        (n, f) if n == f => counted(n, "hop"),
        (n, f) => format!("{n} to {f} hops"),
    }
}

/// Returns in words which packets make a session fail: packets that get as far as hop `met` do, packets that get only
/// to hop `passes` do not.
pub(super) fn reach_in_words(passes: u8, met: u8) -> String {
    if passes == 0 {
        return format!(
            "data packets whose hop limit ends at hop {met} (TTL {met}) trigger the failure \
             already, each time"
        );
    }
    format!(
        "data packets whose hop limit ends at hop {passes} (TTL {passes}) do not trigger the \
         failure, and those that hop {passes} forwards (TTL {met}) do, each time"
    )
}

pub(super) const NO_ICMP: &str = "no router on the way reports used-up hop limits (ICMP time \
                                  exceeded), so the place is not known";
