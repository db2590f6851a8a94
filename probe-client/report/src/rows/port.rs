//! One row per rule, path and server address.

use std::net::IpAddr;

use probe_core::judge::Fulfilment;
use probe_core::judge::Outcome;
use probe_core::observation::{FailureKind, Operation};
use probe_core::path::NetworkPath;
use probe_core::verdict::Segment;
use probe_documents::{Probe, RunDocument, Timings};
use serde::{Serialize, Serializer};

use super::verdict::VerdictWords;

/// The result of one probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortRow {
    /// The rule's id.
    pub rule: String,
    pub port: u16,
    pub session: &'static str,
    pub purpose: String,
    /// The expectation: `open` or `blocked`.
    pub expected: String,
    /// The name or tag that the rule is really about, if the echo server only stands in for it.
    pub destination: Option<String>,
    /// The path: `direct`, or the proxy's URL.
    pub path: String,
    /// The server as the user named it.
    pub host: String,
    /// The server's address; `None` if the name did not resolve, or if only the proxy knows the address.
    pub address: Option<IpAddr>,
    /// The port that was dialled.
    pub dialled: u16,
    /// Host, address and path, as a heading.
    pub server: String,
    pub mark: Mark,
    pub outcome: Outcome,
    #[serde(flatten)]
    pub verdict: VerdictWords,
    /// The verdict's headline.
    pub title: &'static str,
    /// The contradiction between result and expectation in words, if the verdict itself does not say so.
    pub contradiction: Option<&'static str>,
    pub hop: Option<u8>,
    pub hop_address: Option<IpAddr>,
    pub findings: Vec<NotedFinding>,
    /// The time spent on this port, later sessions that look for the cause included, in microseconds.
    pub time_us: u64,
    #[serde(serialize_with = "with_absent_times")]
    pub timings: Timings,
    pub silence: Option<SilenceCell>,
}

/// A finding about one probe.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NotedFinding {
    pub id: &'static str,
    pub claim: String,
    pub detail: Option<String>,
}

/// A deliberate silence in a verified session, and how the session ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct SilenceCell {
    pub seconds: u32,
    /// The interval of the TCP keep-alive; `None` without it.
    pub keep_alive_seconds: Option<u32>,
    pub fate: Fate,
}

/// How a session that was deliberately silent ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    Lived,
    Dead,
    Reset,
    Closed,
    Failed,
    /// The run was interrupted before the session ended.
    NotSeen,
    /// The session was not established, so it could not be silent.
    NoSession,
}

/// The result of a row in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    Ok,
    /// The outcome is as expected, but needs an explanation.
    Warned,
    Fail,
    Undecided,
}

impl PortRow {
    pub(super) fn of(document: &RunDocument, probe: &Probe) -> Self {
        let (m, verdict) = (&probe.measurement, &probe.verdict);
        let (hop, hop_address) = if let Segment::Path { hop, address } = verdict.segment {
            (hop, address)
        } else {
            (None, None)
        };
        Self {
            rule: m.rule.id.to_string(),
            port: m.rule.port.get(),
            session: m.rule.session.name(),
            purpose: m.rule.purpose.clone(),
            expected: m.rule.expect.to_string(),
            destination: m.rule.destination.clone(),
            path: m.path.to_string(),
            host: m.host.clone(),
            address: m.server(),
            dialled: m.port_dialled(),
            server: server(&m.host, m.server(), &m.path),
            mark: Mark::of(probe),
            outcome: probe.outcome,
            verdict: VerdictWords::of(document, probe),
            title: verdict.id.entry().title,
            contradiction: Fulfilment::of(verdict.id, m.rule.expect).contradiction(),
            hop,
            hop_address,
            findings: probe.findings.iter().map(NotedFinding::of).collect(),
            time_us: probe.timings.whole_us.unwrap_or(probe.timings.total_us),
            timings: probe.timings,
            silence: m.silence.map(|silence| SilenceCell {
                seconds: silence.seconds,
                keep_alive_seconds: silence.keep_alive_seconds,
                fate: Fate::of(m.failure().map(|(operation, f)| (operation, f.kind))),
            }),
        }
    }

    /// Returns whether both rows are about the same server over the same path.
    pub fn same_server(&self, other: &Self) -> bool {
        (&self.host, self.address, &self.path) == (&other.host, other.address, &other.path)
    }

    /// Returns whether the rule expects `blocked`.
    pub fn expects_blocked(&self) -> bool {
        self.expected == "blocked"
    }

    /// Returns port and session kind: `443/https`.
    pub fn port_and_session(&self) -> String {
        format!("{}/{}", self.port, self.session)
    }
}

impl NotedFinding {
    fn of(finding: &probe_core::verdict::Finding) -> Self {
        Self {
            id: finding.id.name(),
            claim: finding.claim.clone(),
            detail: finding.detail.clone(),
        }
    }
}

impl Mark {
    pub(super) fn of(probe: &Probe) -> Self {
        match probe.outcome {
            Outcome::AsExpected if probe.needs_a_word() => Self::Warned,
            Outcome::AsExpected => Self::Ok,
            Outcome::NotAsExpected => Self::Fail,
            Outcome::Undecided => Self::Undecided,
        }
    }

    /// Returns the word that text reports show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok | Self::Warned => "ok",
            Self::Fail => "FAIL",
            Self::Undecided => "?",
        }
    }
}

impl Fate {
    fn of(failure: Option<(Operation, FailureKind)>) -> Self {
        match failure {
            None => Self::Lived,
            Some((Operation::Hold | Operation::Resume, kind)) => match kind {
                FailureKind::TimedOut => Self::Dead,
                FailureKind::Reset => Self::Reset,
                FailureKind::Closed => Self::Closed,
                FailureKind::Interrupted => Self::NotSeen,
                FailureKind::NameNotFound
                | FailureKind::ResolverFailed
                | FailureKind::NetworkUnreachable
                | FailureKind::HostUnreachable
                | FailureKind::PermissionDenied
                | FailureKind::Refused
                | FailureKind::Slow
                | FailureKind::TlsFailed
                | FailureKind::Foreign
                | FailureKind::Altered
                | FailureKind::Declined
                | FailureKind::KeyRefused
                | FailureKind::ProxyRefused
                | FailureKind::LocalResource
                | FailureKind::Other => Self::Failed,
            },
            Some(_) => Self::NoSession,
        }
    }

    /// Returns the word that text reports show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lived => "lived",
            Self::Dead => "dead",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Failed => "failed",
            Self::NotSeen => "-",
            Self::NoSession => "no",
        }
    }
}

/// Writes all times, with null for a time that was not measured, so that a template can name every time after any run.
fn with_absent_times<S: Serializer>(timings: &Timings, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Times {
        started_us: u64,
        total_us: u64,
        whole_us: Option<u64>,
        connect_us: Option<u64>,
        proxy_us: Option<u64>,
        tls_us: Option<u64>,
        testimony_us: Option<u64>,
        exchange_us: Option<u64>,
    }
    let Timings {
        started_us,
        total_us,
        whole_us,
        connect_us,
        proxy_us,
        tls_us,
        testimony_us,
        exchange_us,
    } = *timings;
    Times {
        started_us,
        total_us,
        whole_us,
        connect_us,
        proxy_us,
        tls_us,
        testimony_us,
        exchange_us,
    }
    .serialize(serializer)
}

/// Returns host, address and path as a heading.
pub(super) fn server(host: &str, address: Option<IpAddr>, path: &NetworkPath) -> String {
    let title = match address {
        Some(address) if address.to_string() != host => format!("{host} [{address}]"),
        Some(_) | None => host.to_owned(),
    };
    match path {
        NetworkPath::Direct => title,
        NetworkPath::Proxy(proxy) => format!("{title} through {proxy}"),
    }
}
