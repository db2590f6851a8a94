//! One row per connection that should be allowed.

use std::net::IpAddr;

use probe_core::measurement::Measurement;
use probe_core::plan::GIVEN_BY_HAND;
use probe_core::profile::{AddressFamily, Direction, Profile};
use probe_core::verdict::Segment;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::super::failure::replaced;
use super::super::verdict::VerdictWords;
use super::super::way::{StopKind, WayRow, perhaps_server_host, teams, words};
use super::addresses::{self, SeenSource};
use super::snippet::{Hosts, Snippet, snippets};

/// One connection that should be allowed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AskedRow {
    /// The row's id, unique in the request: `fwprobe-5901-ipv4-1`.
    pub name: String,
    /// The team that can allow the connection.
    pub addressee: String,
    /// The address family: `IPv4` or `IPv6`. One row is for one family.
    pub family: &'static str,
    /// This host's address; `None` if it is not known.
    pub source: Option<IpAddr>,
    /// This host's address as the server sees it, translated or not; `None` if it is not known, or
    /// if a proxy must allow the connection.
    pub source_after_nat: Option<IpAddr>,
    /// How `source_after_nat` is known.
    pub source_after_nat_seen: Option<String>,
    pub destination: IpAddr,
    /// The server's address on its own host, if it is known and not the dialled one.
    pub destination_after_nat: Option<IpAddr>,
    /// The source as the blamed device sees it: an address, or a place in angle brackets if it is not known.
    pub device_source: String,
    /// The destination as the blamed device sees it: an address, or a place in angle brackets if it is not known.
    pub device_destination: String,
    /// The server as the user named it.
    pub host: String,
    pub protocol: &'static str,
    /// The port that was dialled, which devices before a translation of ports see.
    pub port: u16,
    /// The port on the server's own host; `None` if it is not known.
    pub port_on_server: Option<u16>,
    /// The port as the blamed device sees it: a number, or a place in angle brackets if it is not known.
    pub device_port: String,
    /// The port of the rule, which the real application uses.
    pub rule_port: u16,
    pub direction: &'static str,
    /// The protocol on the port.
    pub application: &'static str,
    pub purpose: String,
    /// The purpose as a reason for the change; `None` if the port was given by hand, without a purpose.
    pub justification: Option<String>,
    /// The document of the vendor that asks for the rule.
    pub vendor_source: Option<String>,
    /// The name or tag that the rule is really about, if the echo server only stands in for it.
    pub real_destination: Option<String>,
    /// Every destination that the request is for, in words: the tested server, and the one in production. A line to
    /// fill in takes the place of the latter if the rule names none.
    pub destinations: String,
    /// The proxy that has to allow the connection, if a proxy blocks it.
    pub proxy: Option<String>,
    /// The verdict. Its place is as wide as the claim: it names the next hop, or the firewall of the server's own host,
    /// if the evidence does not exclude that.
    #[serde(flatten)]
    pub verdict: VerdictWords,
    pub snippets: Vec<Snippet>,
}

impl AskedRow {
    pub(super) fn of(
        document: &RunDocument,
        probe: &Probe,
        destination: IpAddr,
        number: usize,
    ) -> Self {
        let (m, verdict) = (&probe.measurement, &probe.verdict);
        let port = m.port_dialled();
        let family = AddressFamily::of(destination).words();
        let of_proxy = verdict.segment == Segment::Proxy;
        // A proxy's policy is about the proxy's clients and the destinations that they
        // name, so it has no translated addresses.
        let seen = SeenSource::of(document, m).filter(|_| !of_proxy);
        let accepted_at = addresses::accepted_at(document, m).filter(|_| !of_proxy);
        let name = format!("fwprobe-{port}-{}-{number}", family.to_lowercase());
        let source = addresses::own(document, m);
        let hosts = Hosts {
            source,
            source_after_nat: seen.as_ref().map(|seen| seen.address),
            destination,
            accepted_at,
            port,
            port_on_server: addresses::port_on_server(document, m),
            client: this_host(document, source),
            client_system: document.host.system.clone(),
        };
        let (device_source, device_destination, device_port) = hosts.seen_by(&verdict.segment);
        let perhaps_host = verdict.segment == Segment::CloudEdge && perhaps_server_host(probe);
        let vendor_source = vendor_source(document, m);
        let way = WayRow::of(document, probe);
        Self {
            addressee: named(&addressee(&way, probe), &hosts.client),
            family,
            source,
            source_after_nat: hosts.source_after_nat,
            source_after_nat_seen: seen.as_ref().map(SeenSource::words),
            destination,
            destination_after_nat: accepted_at.filter(|ip| *ip != destination),
            device_source,
            device_destination,
            device_port,
            port_on_server: hosts.port_on_server,
            rule_port: m.rule.port.get(),
            host: m.host.clone(),
            protocol: "TCP",
            port,
            direction: match m.rule.direction {
                Direction::Outbound => {
                    "outbound at the source, inbound at the destination, replies included"
                }
                Direction::Inbound => "inbound, replies included",
            },
            application: application(m),
            purpose: m.rule.purpose.clone(),
            justification: justification(&m.rule.purpose, vendor_source.as_deref()),
            vendor_source,
            real_destination: m.rule.destination.clone(),
            destinations: destinations(m, destination),
            proxy: m.path.proxy().map(ToString::to_string),
            verdict: VerdictWords {
                place: place(&way, probe),
                next_step: next_step(probe, &hosts.client),
                ..VerdictWords::of(document, probe)
            },
            snippets: snippets(&verdict.segment, perhaps_host, &name, &hosts),
            name,
        }
    }

    /// Returns whether the address of this host is known to be translated on the way.
    pub(crate) fn is_translated(&self) -> bool {
        self.source_after_nat.is_some() && self.source_after_nat != self.source
    }
}

/// Returns the teams that can allow the connection: all that run a device in the place that the verdict blames.
fn addressee(way: &WayRow, probe: &Probe) -> String {
    let known = way.place.as_ref().filter(|place| place.known);
    let teams = known.map(|place| teams(place, &way.stops));
    match (teams, &probe.verdict.segment) {
        (Some(teams), _) if !teams.is_empty() => teams.join(", then "),
        (_, Segment::NearNetwork) => "the team that runs this host's network".to_owned(),
        (
            _,
            Segment::Path {
                address: Some(address),
                ..
            },
        ) => {
            format!("the team that runs {address}")
        }
        (_, Segment::Path { address: None, .. }) => "the firewall team".to_owned(),
        (_, _) => "the firewall team, then the cloud team".to_owned(),
    }
}

/// Returns the next step of the verdict, with the teams named as the addressees are.
fn next_step(probe: &Probe, client: &str) -> Option<String> {
    let step = probe.verdict.next_step.as_deref();
    step.map(|step| named(step, client))
}

/// Returns this host's name and address, as far as they are known, for readers elsewhere.
fn this_host(document: &RunDocument, address: Option<IpAddr>) -> String {
    match (document.host.node(), address) {
        (Some(node), Some(address)) => format!("{node} ({address})"),
        (Some(node), None) => node.to_owned(),
        (None, Some(address)) => format!("the host {address}"),
        (None, None) => "the host that made this run".to_owned(),
    }
}

/// Returns `text` with the name of this host, `client`, where it names the teams of this host.
fn named(text: &str, client: &str) -> String {
    let of = |what: &str| format!("the {what} of {client}");
    text.replace("the admin of this host", &of("admin"))
        .replace("this host's default gateway", &of("default gateway"))
        .replace("this host's network", &of("network"))
}

/// Returns the place that the verdict blames, as wide as its claim. Hops have their addresses.
fn place(way: &WayRow, probe: &Probe) -> String {
    let at_a_hop = matches!(probe.verdict.segment, Segment::Path { hop: Some(_), .. });
    let Some(place) = way.place.as_ref().filter(|place| at_a_hop && place.known) else {
        return words(probe);
    };
    let routers = way.stops.iter().filter(|stop| stop.kind == StopKind::Hop);
    routers.fold(place.words.clone(), |text, stop| match &stop.name {
        Some(address) => replaced(&text, &stop.title, &format!("{} ({address})", stop.title)),
        None => text,
    })
}

/// Returns the destinations that the request for `measurement` is for; `tested` is the server's address.
fn destinations(measurement: &Measurement, tested: IpAddr) -> String {
    let port = measurement.rule.port;
    match &measurement.rule.destination {
        Some(real) => format!(
            "both {tested}, the tested server, and {real}, TCP {port}, for which it stands in and \
             which was not tested itself"
        ),
        None => format!(
            "{tested}, the tested server; and, if the application has an address of its own, TCP \
             {port} to ____________________"
        ),
    }
}

fn justification(purpose: &str, vendor_source: Option<&str>) -> Option<String> {
    if purpose == GIVEN_BY_HAND {
        return None;
    }
    Some(match vendor_source {
        Some(source) => format!("{purpose}; required by {source}"),
        None => purpose.to_owned(),
    })
}

/// Returns the document that requires the rule, if the rule is from a built-in profile.
fn vendor_source(document: &RunDocument, measurement: &Measurement) -> Option<String> {
    let id = document.run.profile.as_ref()?.to_string();
    let profile = Profile::lookup(&id).ok()?;
    let rule = profile.rules.iter().find(|r| r.id == measurement.rule.id)?;
    Some(rule.source.clone())
}

fn application(measurement: &Measurement) -> &'static str {
    use probe_core::session_kind::SessionKind;
    match measurement.rule.session {
        SessionKind::Tcp => "TCP, a protocol of its own",
        SessionKind::Tls => "TLS",
        SessionKind::Http => "HTTP",
        SessionKind::Https => "HTTPS",
        SessionKind::Rdp => "RDP (X.224, then TLS)",
        SessionKind::Nettcp => {
            "net.tcp (.NET message framing, then TLS); not HTTP, whatever the port"
        }
    }
}
