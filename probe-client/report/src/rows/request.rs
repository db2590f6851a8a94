//! The rules to ask the owners of firewalls for: one row per rule, server address and family that a policy blocks, and
//! one for everything else that failed, with the reason why no rule is asked for.

use std::net::IpAddr;

use probe_core::judge::Outcome;
use probe_core::measurement::Measurement;
use probe_core::measurement::source_address;
use probe_core::profile::{AddressFamily, Direction, Expectation, Profile};
use probe_core::verdict::Segment;
use probe_documents::traffic::in_logs;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

use super::segment_name::segment_name;
use remedy::{Remedy, remedy};
pub use snippet::Snippet;
use snippet::{Hosts, snippets};

mod remedy;
mod snippet;

/// A firewall request: a proposal that people complete, approve and carry out.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RequestRows {
    pub asked: Vec<AskedRow>,
    pub not_asked: Vec<NotAskedRow>,
}

/// One connection that should be allowed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AskedRow {
    /// The row's id, unique in the request: `fwprobe-5901-ipv4-1`.
    pub name: String,
    /// The address family: `IPv4` or `IPv6`. One row is for one family.
    pub family: &'static str,
    /// This host's address; `None` if it is not known.
    pub source: Option<IpAddr>,
    /// This host's address as the server sees it, if that is known and differs.
    pub source_after_nat: Option<IpAddr>,
    pub destination: IpAddr,
    /// The server's address on its own host, if that is known and differs.
    pub destination_after_nat: Option<IpAddr>,
    /// The source as the blamed device sees it: an address, or a place in angle brackets if it is not known.
    pub device_source: String,
    /// The destination as the blamed device sees it: an address, or a place in angle brackets if it is not known.
    pub device_destination: String,
    /// The server as the user named it.
    pub host: String,
    pub protocol: &'static str,
    pub port: u16,
    pub direction: &'static str,
    /// The protocol on the port.
    pub application: &'static str,
    pub purpose: String,
    /// The document of the vendor that asks for the rule.
    pub vendor_source: Option<String>,
    /// The name or tag that the rule is really about, if the echo server only stands in for it.
    pub real_destination: Option<String>,
    /// The proxy that has to allow the connection, if a proxy blocks it.
    pub proxy: Option<String>,
    pub verdict: &'static str,
    /// The kind of segment that is blamed.
    pub segment: &'static str,
    pub place: String,
    pub confidence: &'static str,
    pub claim: String,
    pub next_step: Option<String>,
    pub evidence: Vec<String>,
    pub logs: Option<String>,
    pub snippets: Vec<Snippet>,
}

/// A failure for which no rule is asked.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NotAskedRow {
    /// The port and its session kind.
    pub port: String,
    pub server: String,
    pub verdict: &'static str,
    pub because: &'static str,
    pub claim: String,
    pub next_step: Option<String>,
}

/// Returns the request for `document`.
pub(super) fn rows(document: &RunDocument) -> RequestRows {
    let mut rows = RequestRows {
        asked: Vec::new(),
        not_asked: Vec::new(),
    };
    for probe in &document.probes {
        if probe.outcome == Outcome::AsExpected {
            continue;
        }
        let expects_open = probe.measurement.rule.expect == Expectation::Open;
        match (remedy(probe.verdict.id), destination(probe)) {
            (Remedy::Rule, Some(destination)) if expects_open => {
                let number = rows.asked.len() + 1;
                let row = AskedRow::of(document, probe, destination, number);
                rows.asked.push(row);
            }
            (remedy, _) => {
                let because = match remedy {
                    _ if !expects_open => "the rule expects the port to be blocked",
                    Remedy::Rule => "the server's address is not known",
                    Remedy::Other(because) => because,
                };
                rows.not_asked.push(NotAskedRow::of(probe, because));
            }
        }
    }
    rows
}

/// Returns the server's address, also if only the proxy was asked for it.
fn destination(probe: &Probe) -> Option<IpAddr> {
    let m = &probe.measurement;
    let asked = || m.proxy.as_ref()?.host_asked.parse().ok();
    m.server().or_else(asked)
}

impl AskedRow {
    fn of(document: &RunDocument, probe: &Probe, destination: IpAddr, number: usize) -> Self {
        let (m, verdict) = (&probe.measurement, &probe.verdict);
        let port = m.port_dialled();
        let family = AddressFamily::of(destination).words();
        let source = own_address(document, m);
        let source_after_nat = translated(document, m).filter(|seen| Some(*seen) != source);
        let name = format!("fwprobe-{port}-{}-{number}", family.to_lowercase());
        let hosts = Hosts {
            source,
            source_after_nat,
            destination,
            accepted_at: accepted_at(document, m),
            port,
        };
        let (device_source, device_destination) = hosts.seen_by(&verdict.segment);
        Self {
            family,
            source,
            source_after_nat,
            destination,
            destination_after_nat: hosts.accepted_at.filter(|ip| *ip != destination),
            device_source,
            device_destination,
            host: m.host.clone(),
            protocol: "TCP",
            port,
            direction: match m.rule.direction {
                Direction::Outbound => {
                    "outbound at the source, inbound at the destination, with its answers"
                }
                Direction::Inbound => "inbound, with its answers",
            },
            application: application(m),
            purpose: m.rule.purpose.clone(),
            vendor_source: vendor_source(document, m),
            real_destination: m.rule.destination.clone(),
            proxy: m.path.proxy().map(ToString::to_string),
            verdict: verdict.id.name(),
            segment: segment_name(&verdict.segment),
            place: verdict.segment.to_string(),
            confidence: super::port::confidence(verdict.confidence),
            claim: verdict.claim.clone(),
            next_step: verdict.next_step.clone(),
            evidence: verdict.evidence.clone(),
            logs: in_logs(document, &[probe]),
            snippets: if verdict.segment == Segment::Proxy {
                Vec::new()
            } else {
                snippets(&verdict.segment, &name, &hosts)
            },
            name,
        }
    }
}

impl NotAskedRow {
    fn of(probe: &Probe, because: &'static str) -> Self {
        let (m, verdict) = (&probe.measurement, &probe.verdict);
        Self {
            port: format!("{}/{}", m.rule.port, m.rule.session),
            server: super::port::server(&m.host, m.server(), &m.path),
            verdict: verdict.id.name(),
            because,
            claim: verdict.claim.clone(),
            next_step: verdict.next_step.clone(),
        }
    }
}

fn own_address(document: &RunDocument, measurement: &Measurement) -> Option<IpAddr> {
    let all = document.probes.iter().map(|p| &p.measurement);
    let same = all
        .chain(&document.reference_probes)
        .filter(|m| m.same_server(measurement));
    source_address(measurement, same, &document.host.addresses)
}

/// Returns the address from which the server saw this host over the same path, if all its sessions agree.
fn translated(document: &RunDocument, measurement: &Measurement) -> Option<IpAddr> {
    let same = document.egress.iter().filter(|e| {
        let family = measurement
            .server()
            .is_none_or(|ip| ip.is_ipv4() == e.seen.is_ipv4());
        e.path == measurement.path && e.host == measurement.host && family
    });
    let mut seen = same.map(|e| e.seen.ip().to_canonical());
    let first = seen.next()?;
    seen.all(|ip| ip == first).then_some(first)
}

/// Returns the address under which the server's host accepted sessions to the same address, inside the cloud's NAT.
fn accepted_at(document: &RunDocument, measurement: &Measurement) -> Option<IpAddr> {
    let all = document.probes.iter().map(|p| &p.measurement);
    let mut all = all.filter(|m| m.same_server(measurement));
    all.find_map(|m| {
        let testimony = m.session.as_ref()?.testimony.as_ref()?;
        Some(testimony.local?.ip().to_canonical())
    })
}

/// Returns the source of the rule in a built-in profile.
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
