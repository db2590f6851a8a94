//! Finds the place that a verdict blames, as a part of the way: exactly as wide as the verdict claims, never narrower.

use probe_core::alternative::Alternative;
use probe_core::catalogue::{VerdictClass, VerdictId};
use probe_core::survey::RelativeDistance;
use probe_core::verdict::Segment;
use probe_documents::Probe;
use serde::Serialize;

use super::{Stop, StopKind};

/// A part of the way, in half steps: stop number `n` is at `2 n`, and the line that leads to it is at `2 n - 1`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PlaceRow {
    pub from: usize,
    pub to: usize,
    /// The place in words: `hop 2, or between it and hop 5`, `cloud-edge`, `place not known`.
    pub words: String,
    /// Whether the verdict says where the cause lies. If not, the part is the whole way between the two ends.
    pub known: bool,
    /// Whether packets of this port were seen to stop here.
    pub cut: bool,
}

impl PlaceRow {
    /// Returns the place that the verdict of `probe` blames; `None` if it blames nothing.
    pub(super) fn of(probe: &Probe, stops: &[Stop], known: &[u8]) -> Option<Self> {
        let verdict = &probe.verdict;
        let class = verdict.id.entry().class;
        let part = match verdict.segment {
            Segment::None if class == VerdictClass::Open => return None,
            Segment::None | Segment::Unknown => Part::unknown(stops),
            Segment::ThisHost => Part::at(0, "this-host"),
            Segment::NearNetwork => Part::between(0, 1, "near-network"),
            Segment::ServerHost => Part::at(stops.len() - 1, "server-host"),
            Segment::Proxy => proxy(probe, stops),
            Segment::CloudEdge => cloud_edge(probe, stops),
            Segment::Path { hop, address } => match hop.and_then(|hop| position(stops, hop)) {
                Some(at) => from_hop(probe, stops, at, known),
                None => Part {
                    words: match address {
                        Some(address) => {
                            format!("at {address}, whose place on the way is not known")
                        }
                        None => "on the path, place not known".to_owned(),
                    },
                    ..Part::unknown(stops)
                },
            },
        };
        // A port that is open is not cut off, and an answer that is lost was sent from beyond the place.
        let passes = class == VerdictClass::Open || verdict.id == VerdictId::ReplyDropped;
        Some(Self {
            cut: part.known && !passes,
            from: part.from,
            to: part.to,
            words: part.words,
            known: part.known,
        })
    }

    /// Returns whether the stop with this number is part of the place.
    pub(crate) fn has_stop(&self, number: usize) -> bool {
        (self.from..=self.to).contains(&(2 * number))
    }

    /// Returns whether the line that leads to the stop with this number is part of the place.
    pub(crate) fn has_line_into(&self, number: usize) -> bool {
        (self.from + 1..=self.to + 1).contains(&(2 * number))
    }

    /// Returns whether the line that leads to the stop with this number lies after the place.
    pub(crate) fn is_before_line_into(&self, number: usize) -> bool {
        2 * number > self.to + 1
    }
}

struct Part {
    from: usize,
    to: usize,
    words: String,
    known: bool,
}

impl Part {
    fn between(from: usize, to: usize, words: impl Into<String>) -> Self {
        Self {
            from,
            to,
            words: words.into(),
            known: true,
        }
    }

    fn at(number: usize, words: impl Into<String>) -> Self {
        Self::between(2 * number, 2 * number, words)
    }

    /// Returns the whole way between the two ends.
    fn unknown(stops: &[Stop]) -> Self {
        Self {
            known: false,
            ..Self::between(1, 2 * stops.len() - 3, "place not known")
        }
    }

    fn of_kind(stops: &[Stop], kind: StopKind, words: &str) -> Self {
        match stops.iter().position(|stop| stop.kind == kind) {
            Some(at) => Self::at(at, words),
            None => Self::unknown(stops),
        }
    }
}

/// Returns the place at the proxy, and on either side of it if the evidence does not exclude that.
fn proxy(probe: &Probe, stops: &[Stop]) -> Part {
    let part = Part::of_kind(stops, StopKind::Proxy, "proxy");
    let or = |other| part.known && probe.verdict.alternatives.contains(&other);
    let (before, behind) = (
        or(Alternative::BeforeTheProxy),
        or(Alternative::BehindTheProxy),
    );
    Part {
        from: part.from - usize::from(before),
        to: part.to + usize::from(behind),
        words: match (before, behind) {
            (true, true) => "proxy, or before or behind it".to_owned(),
            (true, false) => "proxy, or before it".to_owned(),
            (false, true) => "proxy, or behind it".to_owned(),
            (false, false) => part.words,
        },
        known: part.known,
    }
}

/// Returns the number of the stop for a hop, or for the group of silent hops that contains it.
fn position(stops: &[Stop], hop: u8) -> Option<usize> {
    let contains = |stop: &Stop| {
        stop.hops
            .is_some_and(|(first, last)| (first..=last).contains(&hop))
    };
    stops.iter().position(contains)
}

/// Returns the place at the stop `at`. Unless the device there has named itself, the place
/// goes on to the next stop that answered.
fn from_hop(probe: &Probe, stops: &[Stop], at: usize, known: &[u8]) -> Part {
    let title = &stops[at].title;
    if has_named_itself(probe) {
        return Part::at(at, title);
    }
    if is_translated(probe) {
        return Part::between(2 * at - 1, 2 * at, format!("{title}, or before it"));
    }
    if let Some(answers_from) = is_nearer(probe, known) {
        let next = &stops[at + 1];
        return match (answers_from, next.kind) {
            (Some(1), _) => Part::between(2 * at - 1, 2 * at, format!("{title}, or before it")),
            (_, StopKind::Server) => Part::at(at, title),
            (_, _) => Part::between(2 * at, 2 * at + 2, format!("{title} to {}", next.title)),
        };
    }
    let speaks = |stop: &Stop| matches!(stop.kind, StopKind::Hop | StopKind::Server);
    let next = (at + 1..stops.len()).find(|number| speaks(&stops[*number]));
    let next = next.unwrap_or(stops.len() - 1);
    let end = &stops[next];
    if end.kind == StopKind::Server && next == at + 1 && perhaps_server_host(probe) {
        return Part::between(2 * at, 2 * next, format!("{title} to the server's host"));
    }
    let words = if end.kind == StopKind::Server {
        format!("{title}, or between it and the server")
    } else {
        format!("{title}, or between it and {}", end.title)
    };
    Part::between(2 * at, 2 * next - 1, words)
}

/// Returns whether the address that the verdict blames sent the error itself.
fn has_named_itself(probe: &Probe) -> bool {
    let Segment::Path {
        address: Some(blamed),
        ..
    } = probe.verdict.segment
    else {
        return false;
    };
    let failure = probe.measurement.failure();
    let error = failure.and_then(|(_, failure)| failure.origin.icmp());
    error.is_some_and(|(sender, _, _)| sender == blamed)
}

/// Returns whether errors from the blamed hop carry the server's address: a device
/// up to that hop redirects connections.
fn is_translated(probe: &Probe) -> bool {
    let m = &probe.measurement;
    let at = || m.survey.as_ref()?.translated_at(m.server()?);
    matches!(probe.verdict.segment, Segment::Path { hop: Some(hop), .. } if at() == Some(hop))
}

/// Returns the distance of the device that answers in the server's place, which is at the blamed hop or at the next
/// one. The inner value is `None` if the distance is not known, the outer one if the blamed device does not answer.
fn is_nearer(probe: &Probe, known: &[u8]) -> Option<Option<u8>> {
    let survey = probe.measurement.survey.as_ref();
    let distance = survey.and_then(|survey| Some(survey.distance()?.nearest));
    let compared = survey.map(|survey| survey.compare(known));
    if let Some(RelativeDistance::Nearer { .. }) = compared {
        return Some(distance);
    }
    let answers = matches!(
        probe.verdict.id,
        VerdictId::AnsweredByMiddlebox | VerdictId::AnsweredByStranger | VerdictId::TlsIntercepted
    );
    answers.then_some(distance)
}

/// Returns the place at the cloud's edge: from the last router to the edge, or to the server's host
/// if its own firewall may be the cause.
fn cloud_edge(probe: &Probe, stops: &[Stop]) -> Part {
    let Some(edge) = stops
        .iter()
        .position(|stop| stop.kind == StopKind::CloudEdge)
    else {
        return Part::unknown(stops);
    };
    let router = edge - 1;
    let from = if stops[router].hops.is_some() {
        2 * router
    } else {
        2 * edge
    };
    let to = if perhaps_server_host(probe) {
        2 * edge + 2
    } else {
        2 * edge
    };
    Part::between(from, to, words(probe))
}

/// Returns the segment in words. If the firewall of the server's host may be the
/// cause instead, the words name that too.
pub(in crate::rows) fn words(probe: &Probe) -> String {
    let segment = &probe.verdict.segment;
    if *segment == Segment::CloudEdge && perhaps_server_host(probe) {
        format!("{segment}, or the firewall of the server's own host")
    } else {
        segment.to_string()
    }
}

/// Returns whether the firewall of the server's own host may be what drops a connection after the last router. A server
/// that sees every SYN at its host's interface excludes that.
pub(in crate::rows) fn perhaps_server_host(probe: &Probe) -> bool {
    let verdict = &probe.verdict;
    let sighting = probe.measurement.sighting.as_ref();
    let excluded = sighting.is_some_and(|answer| answer.sees_every_syn);
    let named = verdict
        .alternatives
        .contains(&Alternative::ServerHostsFirewall);
    named || (verdict.id == VerdictId::Dropped && !excluded)
}

/// Returns the teams that run the devices in the place, the most likely team first.
pub(in crate::rows) fn teams(place: &PlaceRow, stops: &[Stop]) -> Vec<String> {
    let numbers = (0..stops.len()).filter(|number| place.has_stop(*number));
    let mut teams: Vec<(u8, String)> = numbers.filter_map(|n| team(&stops[n])).collect();
    // A router forwards far more often than it filters.
    if teams.iter().any(|(rank, _)| *rank == EDGE) {
        teams.sort_by_key(|(rank, _)| *rank);
    }
    teams.into_iter().map(|(_, team)| team).collect()
}

fn team(stop: &Stop) -> Option<(u8, String)> {
    Some(match stop.kind {
        StopKind::HeadNode => (HOST, "the admin of this host".to_owned()),
        StopKind::Proxy => (EDGE, "the proxy team".to_owned()),
        StopKind::CloudEdge => (EDGE, "the cloud team".to_owned()),
        StopKind::Server => (HOST, "the server's admin".to_owned()),
        StopKind::Hop | StopKind::Hops => match (&stop.name, stop.hops?) {
            (Some(address), _) if stop.kind == StopKind::Hop => {
                (ROUTER, format!("the team that runs {address}"))
            }
            (_, (1, 1)) => (
                ROUTER,
                "the team that runs this host's default gateway".to_owned(),
            ),
            _ => (ROUTER, format!("the network team about {}", stop.title)),
        },
    })
}

/// The order in which teams are named if a place ends at the cloud's edge.
const EDGE: u8 = 0;
const HOST: u8 = 1;
const ROUTER: u8 = 2;
