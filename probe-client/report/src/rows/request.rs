//! The rules to ask the owners of firewalls for: one row per rule, server address and family that a policy blocks, and
//! one for everything else that failed, with the reason why no rule is asked for.

use std::net::IpAddr;

use probe_core::alternative::Alternative;
use probe_core::judge::Outcome;
use probe_core::profile::Expectation;
use probe_documents::{Probe, RunDocument};
use serde::Serialize;

pub use asked::AskedRow;
use remedy::{Remedy, remedy};
pub use snippet::Snippet;

mod addresses;
mod asked;
mod empty;
mod remedy;
mod snippet;

/// A firewall request: a proposal that people complete, approve and carry out.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RequestRows {
    pub asked: Vec<AskedRow>,
    /// The reason why nothing is asked for, and what to do about it; `None` if the request asks for a rule.
    pub why_empty: Option<String>,
    pub not_asked: Vec<NotAskedRow>,
    /// The ports that are open as expected, and so need no rule.
    pub open: Vec<OpenRow>,
}

/// A failure for which the request contains no rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct NotAskedRow {
    /// The port and its session kind.
    pub port: String,
    pub server: String,
    pub verdict: &'static str,
    /// The confidence of the verdict: `low`, `medium` or `high`.
    pub confidence: &'static str,
    /// The reason why no rule is asked for, never firmer than the verdict.
    pub because: String,
    pub claim: String,
    /// The causes that the evidence does not exclude.
    pub alternatives: Vec<String>,
    pub next_step: Option<String>,
}

/// The ports of one server that are open over one path.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OpenRow {
    pub server: String,
    /// Each port with its session kind.
    pub ports: String,
}

/// Returns the request for `document`.
pub(super) fn rows(document: &RunDocument) -> RequestRows {
    let mut asked = Vec::new();
    let mut not_asked = Vec::new();
    for probe in &document.probes {
        if probe.outcome == Outcome::AsExpected {
            continue;
        }
        match (remedy(probe.verdict.id), destination(probe)) {
            (Remedy::Rule, Some(destination)) if expects_open(probe) => {
                let number = asked.len() + 1;
                asked.push(AskedRow::of(document, probe, destination, number));
            }
            (remedy, _) => {
                let because = match remedy.because(&probe.verdict) {
                    _ if !expects_open(probe) => {
                        "the rule expects the port to be blocked".to_owned()
                    }
                    None => "the server's address is not known".to_owned(),
                    Some(because) => because,
                };
                not_asked.push(NotAskedRow::of(probe, because));
            }
        }
    }
    RequestRows {
        why_empty: asked.is_empty().then(|| empty::why(document)),
        asked,
        not_asked,
        open: open(document),
    }
}

fn expects_open(probe: &Probe) -> bool {
    probe.measurement.rule.expect == Expectation::Open
}

/// Returns the server's address, even if only the proxy connected to it.
fn destination(probe: &Probe) -> Option<IpAddr> {
    let m = &probe.measurement;
    let asked = || m.proxy.as_ref()?.host_asked.parse().ok();
    let known = m.server().or_else(asked);
    known.filter(|ip| !ip.is_unspecified())
}

fn open(document: &RunDocument) -> Vec<OpenRow> {
    let works = |p: &&Probe| p.outcome == Outcome::AsExpected && expects_open(p);
    let works: Vec<&Probe> = document.probes.iter().filter(works).collect();
    super::failure::by_server(&works)
        .iter()
        .filter_map(|of_one| {
            let m = &of_one.first()?.measurement;
            Some(OpenRow {
                server: super::port::server(&m.host, m.server(), &m.path),
                ports: super::failure::ports(of_one.iter().copied()),
            })
        })
        .collect()
}

impl NotAskedRow {
    fn of(probe: &Probe, because: String) -> Self {
        let (m, verdict) = (&probe.measurement, &probe.verdict);
        let facts = verdict.evidence.iter();
        let open = facts.filter_map(|fact| Alternative::named_by(fact));
        Self {
            port: format!("{}/{}", m.rule.port, m.rule.session),
            server: super::port::server(&m.host, m.server(), &m.path),
            verdict: verdict.id.name(),
            confidence: verdict.confidence.name(),
            because,
            claim: verdict.claim.clone(),
            alternatives: open.map(str::to_owned).collect(),
            next_step: verdict.next_step.clone(),
        }
    }

    /// Returns whether the two rows differ in nothing but the port.
    pub(crate) fn differs_only_in_port(&self, other: &Self) -> bool {
        (&self.server, self.verdict, self.confidence)
            == (&other.server, other.verdict, other.confidence)
            && (&self.because, &self.claim) == (&other.because, &other.claim)
            && (&self.alternatives, &self.next_step) == (&other.alternatives, &other.next_step)
    }
}
