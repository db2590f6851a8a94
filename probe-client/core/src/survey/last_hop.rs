//! Determines how far the SYNs of a silent port get: the last hop that still answers them, compared with the hops that
//! answer the SYNs of a working port.

use super::{AGREEING, HopAnswer, HopTry, Survey, sources};

/// The place where SYNs vanish, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LastHop {
    /// No hop answered on either port: routers send no ICMP errors, or the errors are lost.
    Unknown,
    /// The SYNs reach at least hop `hop`, the last one that answered. There is nothing to compare it with.
    Answered { hop: u8 },
    /// The SYNs reach hop `last` (0: no hop), but not `lost_before`, which the working port's SYNs reach. The hops
    /// between these two answer on neither port.
    Lost { last: u8, lost_before: PastLastHop },
}

/// The next place where the working port's SYNs were seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PastLastHop {
    Hop(u8),
    /// SYNs vanish at the server itself, this many hops away.
    Server(u8),
}

impl LastHop {
    pub(super) fn of(survey: &Survey) -> Self {
        let failing = || survey.of_port(survey.port);
        let answered = failing().filter(|t| t.expired_at().is_some());
        let last = answered.map(|t| t.hop_limit).max().unwrap_or(0);
        // If the working port is relayed, the device that answers for the server may be anywhere.
        let counts = |t: &&HopTry| {
            t.answer.is_answer() && (!survey.reference_is_relayed || t.expired_at().is_some())
        };
        let further = |t: &&HopTry| t.hop_limit > last && counts(t);
        let mut beyond: Vec<u8> = survey
            .of_reference()
            .filter(further)
            .map(|t| t.hop_limit)
            .collect();
        beyond.sort_unstable();
        beyond.dedup();
        let lost_before = beyond.into_iter().find(|hop| is_lost_at(survey, *hop));
        match lost_before {
            Some(hop) if is_server(survey, hop) => Self::Lost {
                last,
                lost_before: PastLastHop::Server(hop),
            },
            Some(hop) => Self::Lost {
                last,
                lost_before: PastLastHop::Hop(hop),
            },
            None if last > 0 => Self::Answered { hop: last },
            None => Self::Unknown,
        }
    }
}

/// Returns whether SYNs of the failing port are lost at or before this hop.
///
/// Enough of its SYNs with this hop limit stayed unanswered, each within a second of an answered SYN of the working
/// port. So the hop was within reach and was not rate-limiting its ICMP errors.
pub(super) fn is_lost_at(survey: &Survey, hop: u8) -> bool {
    let there = |t: &&HopTry| t.hop_limit == hop;
    let answered = || {
        survey
            .of_reference()
            .filter(there)
            .filter(|t| t.answer.is_answer())
    };
    let beside =
        |t: &&HopTry| answered().any(|other| t.start_us.abs_diff(other.start_us) < SAME_SECOND_US);
    let silent = survey
        .of_port(survey.port)
        .filter(there)
        .filter(|t| t.answer == HopAnswer::Silence);
    sources(silent.filter(beside)) >= AGREEING && sources(answered()) >= AGREEING
}

fn is_server(survey: &Survey, hop: u8) -> bool {
    let mut there = survey.of_reference().filter(|t| t.hop_limit == hop);
    !survey.reference_is_relayed && there.any(|t| t.answer.is_end())
}

/// Routers that rate-limit ICMP errors send about one per second.
const SAME_SECOND_US: u64 = 1_000_000;
