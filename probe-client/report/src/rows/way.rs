//! The path from this host to the server for one failure: the stops on it, the lines between them that packets passed,
//! the place where it breaks off, and the statement of each end.

use std::net::IpAddr;

use probe_core::catalogue::VerdictId;
use probe_core::measurement::Measurement;
use probe_core::observation::Operation;
use probe_core::survey::Survey;
use probe_core::verdict::Segment;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::account;

/// The path of one port, from this host to the server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct WayRow {
    /// The port that was dialled.
    pub port: u16,
    /// The stops from this host to the server.
    pub stops: Vec<Stop>,
    /// The index in `stops` of the stop whose incoming line is broken; `None` if no place is known.
    pub gap: Option<usize>,
    /// The statement of this host.
    pub here: String,
    /// The statement of the server.
    pub there: String,
}

/// One stop on the path.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Stop {
    pub kind: StopKind,
    /// `head node`, `hop 2`, `hops 3 to 5`, `proxy`, `cloud edge`, `server`.
    pub title: String,
    /// A name or an address, as far as it is known.
    pub name: Option<String>,
    /// How far the line into this stop was seen to be passed. The first stop has none into it.
    pub line: Line,
    /// Whether the verdict blames this stop.
    pub blamed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopKind {
    HeadNode,
    /// A router that answered.
    Hop,
    /// Several routers that did not answer, or that no SYN was sent to.
    Hops,
    Proxy,
    CloudEdge,
    Server,
}

/// How far the line into a stop was seen to be passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    /// The server confirms that something of this port arrived.
    Proven,
    /// A hop or proxy on the path answered.
    Answered,
    /// This host sent packets, and nobody saw them.
    Sent,
    /// The stop lies after the place where the path breaks off.
    Beyond,
}

impl WayRow {
    pub(super) fn of(document: &RunDocument, probe: &Probe) -> Self {
        let m = &probe.measurement;
        let mut stops = vec![head_node(document)];
        stops.extend(between(m, &probe.verdict.segment));
        stops.push(server(m));
        let gap = blame(&mut stops, &probe.verdict.segment, m);
        // There the path breaks off on the way back: the server confirms the direction towards it.
        let gap = gap.filter(|_| probe.verdict.id != VerdictId::ReplyDropped);
        let answered = answered(m, &stops);
        let proven = account::server_saw_it(m);
        for (index, stop) in stops.iter_mut().enumerate() {
            let broken = gap.is_some_and(|gap| index >= gap);
            stop.line = match (broken, proven) {
                (false, true) => Line::Proven,
                (false, false) if index <= answered => Line::Answered,
                (false, false) => Line::Sent,
                (true, _) => Line::Beyond,
            };
        }
        Self {
            port: m.port_dialled(),
            stops,
            gap,
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
            line: Line::Sent,
            blamed: false,
        }
    }
}

fn head_node(document: &RunDocument) -> Stop {
    Stop::new(StopKind::HeadNode, "head node", document.host.name.clone())
}

fn server(measurement: &Measurement) -> Stop {
    let name = match measurement.server() {
        Some(address) => address.to_string(),
        None => measurement.host.clone(),
    };
    Stop::new(StopKind::Server, "server", Some(name))
}

/// Returns the stops between this host and the server.
fn between(measurement: &Measurement, segment: &Segment) -> Vec<Stop> {
    let mut stops = match (measurement.path.proxy(), &measurement.survey) {
        (Some(proxy), _) => {
            let name = Some(proxy.authority());
            vec![Stop::new(StopKind::Proxy, "proxy", name)]
        }
        (None, Some(survey)) => hops(survey, measurement),
        (None, None) => Vec::new(),
    };
    if stops.is_empty() {
        stops.push(match *segment {
            Segment::Path {
                hop: Some(hop),
                address,
            } => hop_stop(hop, address),
            Segment::Path {
                hop: None,
                address: Some(address),
            } => Stop::new(StopKind::Hop, "device", Some(address.to_string())),
            Segment::None
            | Segment::ThisHost
            | Segment::NearNetwork
            | Segment::Path { .. }
            | Segment::CloudEdge
            | Segment::ServerHost
            | Segment::Proxy
            | Segment::Unknown => Stop::new(StopKind::Hops, "network", None),
        });
    }
    if *segment == Segment::CloudEdge {
        stops.push(Stop::new(StopKind::CloudEdge, "cloud edge", None));
    }
    stops
}

/// Returns a stop for each hop that answered, and one for each row of hops that did not.
fn hops(survey: &Survey, measurement: &Measurement) -> Vec<Stop> {
    let own = measurement.server_distance();
    let distance = own.or_else(|| survey.server_distance(&[]).map(|d| d.nearest));
    let last = match distance {
        Some(distance) => distance.saturating_sub(1),
        None => survey
            .tries
            .iter()
            .filter(|t| t.expired_at().is_some())
            .map(|t| t.hop_limit)
            .max()
            .unwrap_or(0),
    };
    let mut stops = Vec::new();
    let mut silent_from = None;
    for hop in 1..=last {
        match survey.address_of(hop) {
            None => {
                silent_from.get_or_insert(hop);
            }
            Some(address) => {
                stops.extend(silent_from.take().map(|from| silent(from, hop - 1)));
                stops.push(hop_stop(hop, Some(address)));
            }
        }
    }
    stops.extend(silent_from.map(|from| silent(from, last)));
    if distance.is_none() && !stops.is_empty() {
        stops.push(Stop::new(StopKind::Hops, "further hops", None));
    }
    stops
}

fn hop_stop(hop: u8, address: Option<IpAddr>) -> Stop {
    let name = address.map(|a| a.to_string());
    Stop::new(StopKind::Hop, format!("hop {hop}"), name)
}

fn silent(from: u8, to: u8) -> Stop {
    let title = if from == to {
        format!("hop {from}")
    } else {
        format!("hops {from} to {to}")
    };
    Stop::new(StopKind::Hops, title, Some("silent".to_owned()))
}

/// Marks the stop that `segment` blames, and returns the stop before which the line breaks off.
fn blame(stops: &mut [Stop], segment: &Segment, measurement: &Measurement) -> Option<usize> {
    let last = stops.len() - 1;
    let kind = |kind: StopKind| stops.iter().position(|s| s.kind == kind);
    let blamed = match *segment {
        Segment::None | Segment::Unknown => return None,
        // The path breaks off before the first hop, at an unknown device.
        Segment::NearNetwork => return Some(1),
        Segment::ThisHost => 0,
        Segment::ServerHost => last,
        Segment::Proxy => kind(StopKind::Proxy)?,
        Segment::CloudEdge => kind(StopKind::CloudEdge)?,
        Segment::Path { hop: Some(hop), .. } => {
            let title = format!("hop {hop}");
            stops.iter().position(|s| s.title == title)?
        }
        Segment::Path {
            hop: None,
            address: Some(address),
        } => {
            let name = Some(address.to_string());
            stops.iter().position(|s| s.name == name)?
        }
        Segment::Path { .. } => kind(StopKind::Hops)?,
    };
    stops[blamed].blamed = true;
    let reached = match *segment {
        // The proxy's own connection failed: the line into the server is broken.
        Segment::Proxy => measurement.succeeded(Operation::ProxyConnect),
        Segment::ServerHost => return None,
        Segment::None
        | Segment::ThisHost
        | Segment::NearNetwork
        | Segment::Path { .. }
        | Segment::CloudEdge
        | Segment::Unknown => true,
    };
    Some(if reached { blamed + 1 } else { blamed }.min(last))
}

/// Returns the place of the furthest stop that answered this port's own packets.
fn answered(measurement: &Measurement, stops: &[Stop]) -> usize {
    if measurement.path.proxy().is_some() {
        return usize::from(measurement.succeeded(Operation::ProxyConnect));
    }
    let blamed = stops.iter().position(|s| s.blamed);
    let refused = blamed
        .filter(|_| measurement.was_turned_away())
        .unwrap_or(0);
    let Some(survey) = &measurement.survey else {
        return refused;
    };
    let own = survey.of_port(survey.port);
    let expired = own.filter(|t| t.expired_at().is_some());
    let furthest = expired.map(|t| t.hop_limit).max();
    let title = format!("hop {}", furthest.unwrap_or(0));
    let hop = stops.iter().rposition(|s| s.title == title).unwrap_or(0);
    hop.max(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{self, Recorded};

    /// Returns the paths of all failures of a run, equal ones once, as text: `=` proven, `-` answered, `~` sent, `.`
    /// beyond, `x` the gap.
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
                    Line::Answered => " - ",
                    Line::Sent => " ~ ",
                    Line::Beyond => " . ",
                });
            }
            if way.gap == Some(index) {
                text.push_str("x ");
            }
            text.push_str(&stop.title);
            if stop.blamed {
                text.push('!');
            }
        }
        text
    }

    #[test]
    fn a_way_breaks_off_where_the_verdict_says() {
        for (run, expected) in [
            (
                recorded::DROPPED_BEHIND_FIRST_HOP,
                "head node - hop 1! . x hop 2 . server",
            ),
            (recorded::DROPPED, "head node ~ network ~ server"),
            (recorded::REPLY_DROPPED, "head node = network! = server"),
            (
                recorded::BLOCKED_ON_THIS_HOST,
                "head node! . x network . server",
            ),
        ] {
            assert_eq!(drawn(run), [expected], "{}", run.name);
        }
    }

    #[test]
    fn a_proxy_that_refuses_is_reached_and_one_that_is_absent_is_not() {
        let drawn = drawn(recorded::THROUGH_PROXIES);
        assert!(
            drawn.contains(&"head node - proxy! . x server".to_owned()),
            "{drawn:?}"
        );
        assert!(
            drawn.contains(&"head node . x proxy! . server".to_owned()),
            "{drawn:?}"
        );
    }
}
