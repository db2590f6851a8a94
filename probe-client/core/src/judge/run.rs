//! Judges a whole run: puts together the evidence for each probe, the verdicts and the summary.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::evidence::{Evidence, Siblings};
use super::expected::Met;
use super::{findings, judge, other_address};
use crate::document::{
    DOCUMENT, Host, Outcome, Probe, RunDocument, RunFacts, ServerFacts, Summary, Timings,
};

use crate::egress;
use crate::measurement::Measurement;
use crate::observation::{Observation, Operation};
use crate::path::NetworkPath;
use crate::plan::SkippedRule;

/// All measurements of a run, before any conclusion.
#[derive(Clone, Debug)]
pub struct Gathered {
    pub run: RunFacts,
    pub host: Host,
    pub server: ServerFacts,
    pub measurements: Vec<Measurement>,
    pub reference_probes: Vec<Measurement>,
    pub skipped: Vec<SkippedRule>,
}

/// Judges every probe and makes the document.
pub fn conclude(gathered: Gathered) -> RunDocument {
    let groups = Groups::of(&gathered);
    let judged: Vec<_> = gathered
        .measurements
        .iter()
        .map(|measurement| {
            let evidence = evidence(&gathered, &groups, measurement);
            let verdict =
                other_address::told(judge(&evidence), measurement, &gathered.measurements);
            (verdict, findings(&evidence))
        })
        .collect();
    let egress = egress::map(gathered.measurements.iter());
    let probes: Vec<Probe> = gathered
        .measurements
        .into_iter()
        .zip(judged)
        .map(|(measurement, (verdict, findings))| Probe {
            outcome: Met::of(&verdict, measurement.rule.expect).outcome(),
            timings: timings(&measurement),
            verdict: Met::of(&verdict, measurement.rule.expect).told(verdict, &measurement),
            measurement,
            findings,
        })
        .collect();
    RunDocument {
        document: DOCUMENT.to_owned(),
        summary: summary(&probes, gathered.skipped.len()),
        run: gathered.run,
        host: gathered.host,
        server: gathered.server,
        checks: Vec::new(),
        probes,
        reference_probes: gathered.reference_probes,
        egress,
        skipped: gathered.skipped,
    }
}

/// Returns the same document with its verdicts drawn anew from its evidence.
pub fn judge_again(document: RunDocument) -> RunDocument {
    let checks = document.checks;
    let again = conclude(Gathered {
        run: document.run,
        host: document.host,
        server: document.server,
        measurements: document.probes.into_iter().map(|p| p.measurement).collect(),
        reference_probes: document.reference_probes,
        skipped: document.skipped,
    });
    RunDocument { checks, ..again }
}

/// The measurements with which each probe is compared, grouped once for all probes that share them.
struct Groups<'a> {
    of_server: HashMap<ServerKey<'a>, Siblings<'a>>,
    of_host: HashMap<&'a str, Rc<[&'a Measurement]>>,
}

/// A key for one server over one path, distinguished as [`Measurement::same_server`] does.
type ServerKey<'a> = (&'a NetworkPath, Result<IpAddr, &'a str>);

impl<'a> Groups<'a> {
    fn of(gathered: &'a Gathered) -> Self {
        let mut of_server: HashMap<_, Vec<_>> = HashMap::new();
        let mut of_host: HashMap<_, Vec<_>> = HashMap::new();
        for measurement in gathered
            .measurements
            .iter()
            .chain(&gathered.reference_probes)
        {
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
    gathered: &'a Gathered,
    groups: &Groups<'a>,
    probe: &'a Measurement,
) -> Evidence<'a> {
    Evidence {
        probe,
        same_server: groups.of_server[&key(probe)].clone(),
        same_host: Rc::clone(&groups.of_host[probe.host.as_str()]),
        control: gathered.server.controls.iter().find(|c| c.is_of(probe)),
        own_addresses: &gathered.host.addresses,
        own_syn: gathered.host.own_syn.as_ref(),
        run_started_ms: gathered
            .run
            .started
            .parse()
            .ok()
            .map(jiff::Timestamp::as_millisecond),
    }
}

fn timings(measurement: &Measurement) -> Timings {
    let of = |operation: Operation| {
        let mut all = measurement.observations.iter();
        all.find(|o| o.operation == operation && o.failure.is_none())
            .map(|o| o.duration_us)
    };
    // All probes of a host or proxy share one name resolution, so it is not part of this probe.
    let own = || {
        let all = measurement.observations.iter();
        let shared = [Operation::Resolve, Operation::ProxyResolve];
        all.filter(move |o| !shared.contains(&o.operation))
    };
    let started_us = own().map(|o| o.start_us).min().unwrap_or(0);
    let ended_us = own().map(Observation::end_us).max();
    let beside = measurement.variations.iter();
    let beside = beside.flat_map(|c| c.measurement.observations.iter().map(Observation::end_us));
    let tries = measurement.survey.iter().flat_map(|survey| &survey.tries);
    let tries = tries.map(|t| t.start_us.saturating_add(t.duration_us));
    let last_us = ended_us.into_iter().chain(beside).chain(tries).max();
    Timings {
        started_us,
        total_us: ended_us.unwrap_or(started_us) - started_us,
        whole_us: last_us.map(|last| last.saturating_sub(started_us)),
        connect_us: of(Operation::Connect),
        proxy_us: of(Operation::ProxyNegotiation),
        tls_us: of(Operation::TlsHandshake),
        testimony_us: of(Operation::Testimony),
        exchange_us: of(Operation::Exchange),
    }
}

fn summary(probes: &[Probe], skipped: usize) -> Summary {
    let count = |outcome: Outcome| probes.iter().filter(|p| p.outcome == outcome).count();
    let not_as_expected = count(Outcome::NotAsExpected);
    let undecided = count(Outcome::Undecided);
    Summary {
        probes: probes.len(),
        as_expected: count(Outcome::AsExpected),
        not_as_expected,
        undecided,
        skipped,
        exit_code: match (not_as_expected, undecided) {
            (0, 0) => 0,
            (0, _) => 3,
            (_, _) => 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::{Variation, VariedSession};

    #[test]
    fn the_whole_time_of_a_probe_ends_with_its_last_variation() {
        let text = include_str!("../../tests/scenarios/demo.json");
        let document: RunDocument = serde_json::from_str(text).unwrap();
        let mut probe = document.probes.into_iter().next().unwrap().measurement;
        probe.variations.clear();
        probe.survey = None;
        let alone = timings(&probe);
        assert_eq!(alone.whole_us, Some(alone.total_us));
        let mut varied = probe.clone();
        let last = varied.observations.last_mut().unwrap();
        last.start_us = alone.started_us + 20_000_000;
        last.duration_us = 7_000_000;
        probe.variations.push(VariedSession {
            variation: Variation::InNothing,
            measurement: varied,
        });
        let with_variation = timings(&probe);
        assert_eq!(with_variation.total_us, alone.total_us);
        assert_eq!(with_variation.whole_us, Some(27_000_000));
    }
}
