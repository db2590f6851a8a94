//! Turns a survey of hops into words: where on the path the cause lies, and the team to ask about it.

mod accepter;
mod whom;
mod words;

use self::whom::whom;
pub(super) use self::whom::{keepers_of_the_last_device, owner};
use self::words::{NO_ICMP, reach_in_words};
pub(super) use self::words::{hops, named};
use super::evidence::Evidence;
use crate::comparison::Reach;
use crate::survey::{AGREEING, LastHop, PastLastHop, RelativeDistance, Survey};
use crate::verdict::Segment;
use crate::words::counted;

/// A kind of answer to a SYN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    SynAck,
    Reset,
    IcmpError,
}

/// The place where the cause lies, as far as the survey shows it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) segment: Segment,
    /// The end of a sentence like "it is dropped …".
    pub(super) words: Option<String>,
    pub(super) fact: String,
    /// The people to ask; `None` if the place is unknown.
    pub(super) whom: Option<String>,
}

impl Place {
    /// Returns where the SYNs to a silent port vanish.
    pub(super) fn of_drop(evidence: &Evidence<'_>) -> Self {
        let Some(survey) = evidence.survey() else {
            return Self::unknown("where on the way was not traced");
        };
        if let Some(hop) = evidence.hidden_from() {
            return Self::unknown(format!(
                "from hop {hop} on, errors about ports that work come in the name of the dialled \
                 address: a device up to there sends connections to another destination (DNAT), \
                 and may hide how far SYNs to this port get"
            ));
        }
        match survey.last_hop() {
            LastHop::Lost { last, lost_before } => {
                let fact = unanswered(survey, last, lost_before);
                let perhaps_host = !evidence.never_at_the_host();
                between(survey, last, lost_before, fact, perhaps_host)
            }
            LastHop::Answered { hop } => Self::unknown(format!(
                "the last hop that answers SYNs to it is {}; SYNs to a port that works were not \
                 traced, so this shows no place",
                named(survey, hop)
            )),
            LastHop::Unknown => Self::unknown(NO_ICMP),
        }
    }

    /// Returns where a device acts on the first bytes of a connection. `None` if the survey does not show it.
    pub(super) fn of_device(evidence: &Evidence<'_>) -> Option<Self> {
        let survey = evidence.survey()?;
        let Reach { passes, met } = evidence.reach()?;
        let server = survey.exact_server_distance(&evidence.known_distances())?;
        // A router that does not report used-up hop limits cannot be distinguished from one that was never reached, so
        // the place extends to the next hop that reports them.
        let speaks = |hop: &u8| *hop == server || survey.address_of(*hop).is_some();
        let next = (met..=server).find(speaks)?;
        let lost_before = if next == server {
            PastLastHop::Server(next)
        } else {
            PastLastHop::Hop(next)
        };
        let fact = reach_in_words(passes, met);
        Some(between(survey, passes, lost_before, fact, true))
    }

    /// Returns the place of a device that answers instead of the server and is nearer than the server.
    pub(super) fn of_nearer(evidence: &Evidence<'_>, answer: Answer) -> Option<Self> {
        let RelativeDistance::Nearer { answering, server } = evidence.answering() else {
            return (answer == Answer::SynAck)
                .then(|| accepter::place(evidence))
                .flatten();
        };
        let survey = evidence.survey()?;
        let fact = format!(
            "the {} comes back once SYNs may travel {}, the server's own answers only once they \
             may travel {}{}",
            answer.name(),
            hops(answering),
            hops(server),
            if answering.nearest > 1 {
                "; a router that answers a packet while it forwards it is one hop nearer than its \
                 answer shows"
            } else {
                ""
            }
        );
        let at = answering.nearest;
        // This host's own firewall may also have refused the connection, but it never accepts one.
        if at == 1 && answer != Answer::SynAck {
            return Some(Self::of_this_end(survey, fact));
        }
        Some(Self::nearer(survey, at, fact))
    }

    /// Returns the place of a device whose answers come from `at` hops away. `fact` says how that is known, and
    /// `survey` names the hops.
    pub(super) fn nearer(survey: &Survey, at: u8, fact: String) -> Self {
        let (hop, words) = if at == 1 {
            (1, format!("at {} or before it", named(survey, 1)))
        } else {
            // A packet that a router accepts itself needs hop limit n to reach it; one that it refuses while forwarding
            // needs n + 1. So the device is at one of two hops.
            let (near, far) = (named(survey, at - 1), named(survey, at));
            (at - 1, format!("at {near}, at {far} or between them"))
        };
        let address = survey.address_of(hop);
        let router = owner(&format!("hop {hop}"), address);
        let whom = if at == 1 {
            format!(
                "the admin of this host first, if it runs software that inspects or redirects \
                 traffic (endpoint protection, a local proxy), then {router}"
            )
        } else {
            let next = owner(&format!("hop {at}"), survey.address_of(at));
            format!("{router}, then {next}")
        };
        Self {
            segment: Segment::Path {
                hop: Some(hop),
                address,
            },
            words: Some(words),
            fact,
            whom: Some(whom),
        }
    }

    /// Returns the place of an RST's sender that is as far away as the server's host. The last router may have sent it.
    pub(super) fn of_end(evidence: &Evidence<'_>, distance: u8, fact: String) -> Option<Self> {
        let survey = evidence.survey()?;
        let perhaps_host = !evidence.never_at_the_host();
        let last = distance.checked_sub(1)?;
        Some(between(
            survey,
            last,
            PastLastHop::Server(distance),
            fact,
            perhaps_host,
        ))
    }

    /// Returns the place between this host and the first router, both included.
    fn of_this_end(survey: &Survey, fact: String) -> Self {
        let segment = Segment::NearNetwork;
        Self {
            words: Some(format!(
                "at the first router, {}, before it, or in this host's own firewall",
                named(survey, 1)
            )),
            whom: Some(whom(survey, &segment, 0, false)),
            segment,
            fact,
        }
    }

    /// Returns the hop, if it is known.
    pub(super) fn hop(&self) -> Option<u8> {
        let Segment::Path { hop, .. } = self.segment else {
            return None;
        };
        hop
    }

    fn unknown(fact: impl Into<String>) -> Self {
        Self {
            segment: Segment::Unknown,
            words: None,
            fact: fact.into(),
            whom: None,
        }
    }
}

impl Answer {
    fn name(self) -> &'static str {
        match self {
            Self::SynAck => "SYN-ACK",
            Self::Reset => "RST",
            Self::IcmpError => "ICMP error",
        }
    }
}

/// Describes how far SYNs get to a server on which no port works, as the survey shows it.
pub(super) fn as_far_as(survey: &Survey) -> Option<String> {
    let port = survey.port;
    if let Some(distance) = survey.distance() {
        let last = distance.nearest.saturating_sub(1);
        let router = if last == 0 {
            "no router lies in between".to_owned()
        } else {
            format!("the last router before that is {}", named(survey, last))
        };
        return Some(format!(
            "port {port} is answered from {} away; {router}",
            hops(distance)
        ));
    }
    match survey.last_hop() {
        LastHop::Answered { hop } => Some(format!(
            "SYNs to port {port} get at least as far as {}; nothing behind it answers",
            named(survey, hop)
        )),
        LastHop::Unknown => Some(NO_ICMP.to_owned()),
        LastHop::Lost { .. } => None,
    }
}

/// Returns the place of a device that redirects this port's connections (DNAT): at or before the first hop whose ICMP
/// errors have the dialled address as their source.
pub(super) fn translated(evidence: &Evidence<'_>) -> Option<Place> {
    let dialled = evidence.probe.server()?;
    let survey = evidence.survey()?;
    let hop = survey.translated_at(dialled)?;
    let address = survey.address_of(hop).filter(|named| *named != dialled);
    let mut before = survey.of_port(survey.port);
    let is_first = hop == 1 || before.any(|t| t.hop_limit == hop - 1 && t.expired_at().is_some());
    Some(Place {
        segment: if is_first {
            Segment::Path {
                hop: Some(hop),
                address,
            }
        } else {
            Segment::PATH
        },
        words: Some(format!("at hop {hop} or before it")),
        fact: format!(
            "at hop {hop} already, errors come in the name of {dialled}: a device up to there \
             sends these connections to another destination (DNAT)"
        ),
        whom: Some(owner(&format!("hop {hop}"), address)),
    })
}

/// Returns in words which hops answered SYNs to a silent port, and which answered those to a port that works.
fn unanswered(survey: &Survey, last: u8, lost_before: PastLastHop) -> String {
    let reference = survey
        .reference
        .map_or_else(String::new, |port| port.to_string());
    let reached = match last {
        0 => "no hop answers SYNs to it with ICMP errors".to_owned(),
        last => format!(
            "{} answers SYNs to it with ICMP errors, and no hop behind it does",
            named(survey, last)
        ),
    };
    let next = end_of(survey, lost_before);
    let mut fact = format!(
        "{reached}; {next} answers SYNs to port {reference} within the same second: from at least \
         {AGREEING} source ports each"
    );
    if last == 0 && !matches!(lost_before, PastLastHop::Hop(1) | PastLastHop::Server(1)) {
        fact.push_str(&format!("; {NO_ICMP}"));
    }
    fact
}

/// Returns the place between hop `last`, 0 for this host, and `lost_before`.
///
/// `fact` says how that is known. If `perhaps_host` is set, a place past the last router may also be the server's host.
fn between(
    survey: &Survey,
    last: u8,
    lost_before: PastLastHop,
    fact: String,
    perhaps_host: bool,
) -> Place {
    let segment = segment(survey, last, lost_before);
    let words = match (last, lost_before) {
        (0, PastLastHop::Hop(1)) => {
            format!(
                "before the first router, {}, or by this host's own firewall",
                named(survey, 1)
            )
        }
        (0, PastLastHop::Server(_)) => {
            return Place {
                segment,
                words: None,
                fact,
                whom: None,
            };
        }
        (0, PastLastHop::Hop(hop)) => format!("before {}", named(survey, hop)),
        (last, PastLastHop::Server(hop)) if hop == last + 1 => {
            let culprits = if perhaps_host {
                "by that router, the cloud's edge (network security group) or the server host's \
                 own firewall"
            } else {
                "by that router or the cloud's edge (network security group)"
            };
            format!(
                "behind the last router, {}: {culprits}",
                named(survey, last)
            )
        }
        (last, next) => format!(
            "at {} or between it and {}",
            named(survey, last),
            end_of(survey, next)
        ),
    };
    let mut whom = whom(survey, &segment, last, perhaps_host);
    if let (Segment::Path { .. }, true) = (&segment, distance_of(lost_before) > last + 1) {
        whom.push_str(&format!(
            ", and the network team about the devices between it and {}, which did not answer the \
             trace,",
            end_of(survey, lost_before)
        ));
    }
    Place {
        segment,
        words: Some(words),
        fact,
        whom: Some(whom),
    }
}

const fn distance_of(stretch: PastLastHop) -> u8 {
    match stretch {
        PastLastHop::Hop(hop) | PastLastHop::Server(hop) => hop,
    }
}

fn end_of(survey: &Survey, stretch: PastLastHop) -> String {
    match stretch {
        PastLastHop::Hop(hop) => named(survey, hop),
        PastLastHop::Server(hop) => format!("the server itself ({} away)", counted(hop, "hop")),
    }
}

fn segment(survey: &Survey, last: u8, lost_before: PastLastHop) -> Segment {
    let at = |hop: u8| Segment::Path {
        hop: Some(hop),
        address: survey.address_of(hop),
    };
    match (last, lost_before) {
        (0, PastLastHop::Hop(1)) => Segment::NearNetwork,
        (0, PastLastHop::Hop(_)) => Segment::PATH,
        (0, PastLastHop::Server(_)) => Segment::Unknown,
        // The only router on a path belongs to this end as much as to the other, so it is not called the cloud edge.
        (1, _) => at(1),
        (last, PastLastHop::Server(hop)) if hop == last + 1 => Segment::CloudEdge,
        (last, _) => at(last),
    }
}
