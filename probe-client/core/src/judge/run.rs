//! Judges a whole run: puts together the evidence for each probe, and judges it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::evidence::{Evidence, Siblings};
use super::expected::{Fulfilment, Outcome};
use super::{findings, judge, other_address};
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::control_record::ControlRecord;
use crate::measurement::Measurement;
use crate::path::NetworkPath;
use crate::session::HexBytes;
use crate::verdict::{Finding, Verdict};

/// Everything on which the verdicts of a run rest.
#[derive(Clone, Copy, Debug)]
pub struct RunEvidence<'a> {
    pub measurements: &'a [Measurement],
    pub reference_probes: &'a [Measurement],
    /// The control records, one for each server address.
    pub controls: &'a [ControlRecord],
    /// This host's own addresses.
    pub own_addresses: &'a [IpAddr],
    /// A SYN as this host sends it.
    pub own_syn: Option<&'a HexBytes>,
    /// This host's clock at the run's start, in Unix milliseconds.
    pub started_ms: Option<i64>,
    /// Whether this was a quick run, without second looks.
    pub quick: bool,
}

/// What one probe's evidence says.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeJudgement {
    pub verdict: Verdict,
    pub outcome: Outcome,
    pub findings: Vec<Finding>,
}

/// Judges every probe of a run, in the order of its measurements.
pub fn judge_all(run: &RunEvidence<'_>) -> Vec<ProbeJudgement> {
    let groups = Groups::of(run);
    let judged = run.measurements.iter().map(|measurement| {
        let evidence = evidence(run, &groups, measurement);
        let verdict = other_address::told(judge(&evidence), measurement, run.measurements);
        let verdict = if run.quick {
            without_second_look(verdict, &evidence.target())
        } else {
            verdict
        };
        let met = Fulfilment::of(verdict.id, measurement.rule.expect);
        ProbeJudgement {
            outcome: met.outcome(),
            verdict: met.told(verdict, measurement),
            findings: findings(&evidence),
        }
    });
    judged.collect()
}

/// Returns the `verdict` of a quick run about `target`: a second look might have shown another cause.
fn without_second_look(verdict: Verdict, target: &str) -> Verdict {
    let verdict = verdict.unless(Alternative::NoSecondLook);
    if verdict.id == VerdictId::Inconclusive {
        verdict.next(format!(
            "run it again without --quick, which left out the second looks that decide what stops \
             {target}"
        ))
    } else {
        verdict
    }
}

/// The measurements with which each probe is compared, grouped once for all probes that share them.
struct Groups<'a> {
    of_server: HashMap<ServerKey<'a>, Siblings<'a>>,
    of_host: HashMap<&'a str, Rc<[&'a Measurement]>>,
}

/// The key of one server over one path. [`Measurement::same_server`] distinguishes servers in the same way.
type ServerKey<'a> = (&'a NetworkPath, Result<IpAddr, &'a str>);

impl<'a> Groups<'a> {
    fn of(run: &RunEvidence<'a>) -> Self {
        let mut of_server: HashMap<_, Vec<_>> = HashMap::new();
        let mut of_host: HashMap<_, Vec<_>> = HashMap::new();
        for measurement in run.measurements.iter().chain(run.reference_probes) {
            of_server
                .entry(key(measurement))
                .or_default()
                .push(measurement);
            of_host
                .entry(measurement.host.as_str())
                .or_default()
                .push(measurement);
        }
        Self {
            of_server: of_server
                .into_iter()
                .map(|(key, all)| (key, all.into()))
                .collect(),
            of_host: of_host
                .into_iter()
                .map(|(host, all)| (host, all.into()))
                .collect(),
        }
    }
}

fn key(measurement: &Measurement) -> ServerKey<'_> {
    let server = measurement.server().ok_or(measurement.host.as_str());
    (&measurement.path, server)
}

fn evidence<'a>(
    run: &RunEvidence<'a>,
    groups: &Groups<'a>,
    probe: &'a Measurement,
) -> Evidence<'a> {
    Evidence {
        probe,
        same_server: groups.of_server[&key(probe)].clone(),
        same_host: Rc::clone(&groups.of_host[probe.host.as_str()]),
        control: run.controls.iter().find(|c| c.is_of(probe)),
        own_addresses: run.own_addresses,
        own_syn: run.own_syn,
        run_started_ms: run.started_ms,
    }
}
