//! The path from this host to the server for one failure: the stops on it, the lines between them, the place that the
//! verdict blames, and the statement of each end.

use std::net::IpAddr;

use probe_core::measurement::Measurement;
use probe_core::survey::{Distance, LastHop, PastLastHop, Survey};
use probe_core::verdict::Segment;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::account;
pub use place::PlaceRow;
pub(super) use place::{perhaps_server_host, teams, words};

mod place;

/// The path of one port, from this host to the server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct WayRow {
    /// The port that was dialled.
    pub port: u16,
    /// The stops from this host to the server.
    pub stops: Vec<Stop>,
    /// The place that the verdict blames; `None` if it blames nothing.
    pub place: Option<PlaceRow>,
    /// What this host saw, in words.
    pub here: String,
    /// What the server saw, in words.
    pub there: String,
}

/// One stop on the path.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Stop {
    pub kind: StopKind,
    /// The stop's name: `head node`, `hop 2`, `hops 3 to 5`, `proxy`, `cloud edge`, `server`.
    pub title: String,
    /// A name or an address, if either is known.
    pub name: Option<String>,
    /// The first and the last hop that the stop stands for; `None` if the stop is not known to be a hop.
    pub hops: Option<(u8, u8)>,
    /// How far packets were seen to get on the line that leads to this stop. No line leads to the first stop.
    pub line: Line,
    /// Whether the verdict blames this stop, alone or with others.
    pub blamed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopKind {
    HeadNode,
    /// A router that answered.
    Hop,
    /// Routers that did not answer, or to which no SYN was sent.
    Hops,
    Proxy,
    CloudEdge,
    Server,
}

/// How far packets were seen to get on the line that leads to a stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The server confirms that something of this port arrived.
    Proven,
    /// This host sent packets, and the server has not seen them.
    Sent,
    /// The line is in the place where the packets of this port stop.
    Gap,
    /// The line lies after the place where the packets of this port stop.
    Beyond,
}

impl WayRow {
    pub(super) fn of(document: &RunDocument, probe: &Probe) -> Self {
        let m = &probe.measurement;
        let known = known_distances(document, m);
        let mut stops = stops(document, probe, &known);
        let place = PlaceRow::of(probe, &stops, &known);
        let proven = account::server_saw_it(m);
        for (number, stop) in stops.iter_mut().enumerate() {
            let known = place.as_ref().filter(|place| place.known);
            stop.blamed = known.is_some_and(|place| place.has_stop(number));
            let cut = known.filter(|place| place.cut);
            stop.line = match cut {
                Some(place) if place.has_line_into(number) => Line::Gap,
                _ if proven => Line::Proven,
                Some(place) if place.is_before_line_into(number) => Line::Beyond,
                _ => Line::Sent,
            };
        }
        Self {
            port: m.port_dialled(),
            stops,
            place,
            here: account::of_this_host(m),
            there: account::of_the_server(document, m),
        }
    }
}

impl Stop {
    fn new(kind: StopKind, title: impl Into<String>, name: Option<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            name,
            hops: None,
            line: Line::Sent,
            blamed: false,
        }
    }

    fn hop(hop: u8, address: Option<IpAddr>) -> Self {
        let kind = if address.is_some() {
            StopKind::Hop
        } else {
            StopKind::Hops
        };
        let name = address.map_or_else(|| "silent".to_owned(), |ip| ip.to_string());
        Self {
            hops: Some((hop, hop)),
            ..Self::new(kind, format!("hop {hop}"), Some(name))
        }
    }

    /// Returns one stop for consecutive hops that did not answer; `None` if there are none.
    fn silent(from: u8, to: u8) -> Option<Self> {
        if from >= to {
            return (from == to).then(|| Self::hop(from, None));
        }
        let title = format!("hops {from} to {to}");
        Some(Self {
            hops: Some((from, to)),
            ..Self::new(StopKind::Hops, title, Some("silent".to_owned()))
        })
    }

    /// Returns a stop for a part of the way whose hops are not known.
    fn network(name: &str) -> Self {
        Self::new(StopKind::Hops, "network", Some(name.to_owned()))
    }
}

/// Returns the stops of the way of `probe`. The cloud's edge is among them only if the verdict blames
/// it: nothing else shows where it is.
fn stops(document: &RunDocument, probe: &Probe, known: &[u8]) -> Vec<Stop> {
    let m = &probe.measurement;
    let mut stops = vec![head_node(document)];
    match m.path.proxy() {
        Some(proxy) => stops.push(Stop::new(StopKind::Proxy, "proxy", Some(proxy.authority()))),
        None => stops.extend(between(m, &probe.verdict.segment, known)),
    }
    if probe.verdict.segment == Segment::CloudEdge {
        stops.push(Stop::new(StopKind::CloudEdge, "cloud edge", None));
    }
    stops.push(server(m));
    stops
}

/// Returns the distances to the server of `measurement` that sessions over the same path showed.
fn known_distances(document: &RunDocument, measurement: &Measurement) -> Vec<u8> {
    let all = document.probes.iter().map(|p| &p.measurement);
    let all = all.chain(&document.reference_probes);
    let same = all.filter(|m| m.same_server(measurement));
    let mut known: Vec<u8> = same.filter_map(Measurement::server_distance).collect();
    known.sort_unstable();
    known.dedup();
    known
}

fn head_node(document: &RunDocument) -> Stop {
    let node = document.host.node().map(str::to_owned);
    Stop::new(StopKind::HeadNode, "head node", node)
}

fn server(measurement: &Measurement) -> Stop {
    let name = match measurement.server() {
        Some(address) => address.to_string(),
        None => measurement.host.clone(),
    };
    Stop::new(StopKind::Server, "server", Some(name))
}

/// Returns the stops between this host and a server that is dialled directly.
fn between(measurement: &Measurement, segment: &Segment, known: &[u8]) -> Vec<Stop> {
    if measurement.server().is_some_and(|ip| ip.is_loopback()) {
        return Vec::new();
    }
    let mut stops = match &measurement.survey {
        Some(survey) => hops(survey, measurement, known),
        None => match known {
            [distance, others @ ..] if others.iter().all(|other| other == distance) => {
                let last = distance.saturating_sub(1);
                Stop::silent(1, last).into_iter().collect()
            }
            _ => vec![Stop::network("not traced")],
        },
    };
    if let Segment::Path {
        hop: Some(hop),
        address,
    } = *segment
    {
        name_hop(&mut stops, hop, address);
    }
    stops
}

/// Makes the hop that the verdict names a stop of its own, if it is not one yet.
fn name_hop(stops: &mut Vec<Stop>, hop: u8, address: Option<IpAddr>) {
    let holds = |stop: &Stop| stop.hops.is_some_and(|(from, to)| from <= hop && hop <= to);
    if let Some(at) = stops.iter().position(holds) {
        let Some((from, to)) = stops[at].hops.filter(|(from, to)| from < to) else {
            return;
        };
        let before = hop.checked_sub(1).and_then(|last| Stop::silent(from, last));
        let parts = before
            .into_iter()
            .chain([Stop::hop(hop, address)])
            .chain(Stop::silent(hop + 1, to));
        stops.splice(at..=at, parts);
        return;
    }
    let known = stops
        .iter()
        .filter_map(|stop| stop.hops)
        .map(|(_, to)| to)
        .max();
    let at = stops
        .iter()
        .rposition(|stop| stop.hops.is_some())
        .map_or(0, |at| at + 1);
    let before = Stop::silent(known.unwrap_or(0) + 1, hop.saturating_sub(1));
    stops.splice(at..at, before.into_iter().chain([Stop::hop(hop, address)]));
}

/// Returns a stop for each hop that answered, and one for each group of consecutive hops that did not.
fn hops(survey: &Survey, measurement: &Measurement, known: &[u8]) -> Vec<Stop> {
    let at_its_end = || match survey.last_hop() {
        LastHop::Lost {
            lost_before: PastLastHop::Server(hops),
            ..
        } => Some(Distance {
            nearest: hops,
            farthest: hops,
        }),
        LastHop::Lost { .. } | LastHop::Answered { .. } | LastHop::Unknown => None,
    };
    let distance = survey.server_distance(known).or_else(at_its_end);
    // A device that redirects connections translates errors back. If an error comes from the server's address,
    // the hop's own address is not known.
    let named = |hop: u8| {
        survey
            .address_of(hop)
            .filter(|ip| Some(*ip) != measurement.server())
    };
    let last = match distance {
        Some(distance) => distance.nearest.saturating_sub(1),
        None => (1..=survey.tries.iter().map(|t| t.hop_limit).max().unwrap_or(0))
            .rev()
            .find(|hop| named(*hop).is_some())
            .unwrap_or(0),
    };
    let mut stops = Vec::new();
    let mut silent_from = 1;
    for hop in 1..=last {
        if let Some(address) = named(hop) {
            stops.extend(Stop::silent(silent_from, hop - 1));
            stops.push(Stop::hop(hop, Some(address)));
            silent_from = hop + 1;
        }
    }
    stops.extend(Stop::silent(silent_from, last));
    match distance {
        Some(distance) if distance.nearest == distance.farthest => {}
        Some(_) => stops.push(Stop::network("of unequal length")),
        None => stops.push(Stop::network("not traced")),
    }
    stops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{self, Recorded};

    /// Returns the paths of all failures of a run as text, without repetitions. Before each stop is its line: `=`
    /// proven, `~` sent, `x` gap, `.` beyond. After a stop, `!` means blamed. The place follows in brackets.
    fn drawn(run: &Recorded) -> Vec<String> {
        let document = run.read();
        let failed = document.probes.iter().filter(|p| p.needs_a_word());
        let mut drawn: Vec<String> = failed
            .map(|probe| text(&WayRow::of(&document, probe)))
            .collect();
        drawn.dedup();
        drawn
    }

    fn text(way: &WayRow) -> String {
        let mut text = String::new();
        for (index, stop) in way.stops.iter().enumerate() {
            if index > 0 {
                text.push_str(match stop.line {
                    Line::Proven => " = ",
                    Line::Sent => " ~ ",
                    Line::Gap => " x ",
                    Line::Beyond => " . ",
                });
            }
            text.push_str(&stop.title);
            if stop.blamed {
                text.push('!');
            }
        }
        match &way.place {
            None => text,
            Some(place) => format!("{text} [{}]", place.words),
        }
    }

    #[test]
    fn a_way_breaks_off_where_the_verdict_says() {
        for (run, expected) in [
            (
                recorded::DROPPED_BEHIND_FIRST_HOP,
                "head node ~ hop 1! x hop 2 . server [hop 1, or between it and hop 2]",
            ),
            (recorded::DROPPED, "head node ~ server [place not known]"),
            (
                recorded::REPLY_DROPPED,
                "head node = server [on the path, place not known]",
            ),
            (
                recorded::BLOCKED_ON_THIS_HOST,
                "head node! . server [this-host]",
            ),
        ] {
            assert_eq!(drawn(run), [expected], "{}", run.name);
        }
    }

    #[test]
    fn a_proxy_that_refuses_is_reached_and_one_that_is_absent_is_not() {
        let drawn = drawn(recorded::THROUGH_PROXIES);
        for expected in [
            "head node ~ proxy! . server [proxy]",
            "head node x proxy! . server [proxy, or before it]",
        ] {
            assert!(drawn.iter().any(|way| way == expected), "{drawn:?}");
        }
    }

    #[test]
    fn a_named_hop_among_silent_ones_is_drawn_between_them() {
        let titles = |stops: &[Stop]| -> Vec<String> {
            stops.iter().map(|stop| stop.title.clone()).collect()
        };
        let mut stops: Vec<Stop> = Stop::silent(1, 5).into_iter().collect();
        name_hop(&mut stops, 3, None);
        assert_eq!(titles(&stops), ["hops 1 to 2", "hop 3", "hops 4 to 5"]);
        let mut stops = vec![Stop::network("not traced")];
        name_hop(&mut stops, 2, None);
        assert_eq!(titles(&stops), ["hop 1", "hop 2", "network"]);
    }
}
