//! Concludes a run: turns its measurements into the run document.

use probe_core::judge::{Outcome, RunEvidence, judge_all};
use probe_core::measurement::Measurement;
use probe_core::observation::{Observation, Operation};
use probe_core::plan::SkippedRule;

use crate::answered_probe::AnsweredProbe;
use crate::{DOCUMENT, Host, Probe, RunDocument, RunFacts, ServerFacts, Summary, Timings, egress};

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
    let started = gathered.run.started.parse().ok();
    let judged = judge_all(&RunEvidence {
        measurements: &gathered.measurements,
        reference_probes: &gathered.reference_probes,
        controls: &gathered.server.controls,
        own_addresses: &gathered.host.addresses,
        own_syn: gathered.host.own_syn.as_ref(),
        started_ms: started.map(jiff::Timestamp::as_millisecond),
        quick: gathered.run.quick,
    });
    let egress = egress::map(gathered.measurements.iter());
    let probes: Vec<Probe> = gathered
        .measurements
        .into_iter()
        .zip(judged)
        .map(|(measurement, judged)| Probe {
            outcome: judged.outcome,
            timings: timings(&measurement),
            verdict: judged.verdict,
            measurement,
            findings: judged.findings,
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

/// Returns the document with its verdicts judged anew from its evidence.
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

pub(crate) fn summary<P: AnsweredProbe>(probes: &[P], skipped: usize) -> Summary {
    let count = |outcome: Outcome| probes.iter().filter(|p| p.outcome() == outcome).count();
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
    use probe_core::catalogue::VerdictId;
    use probe_core::measurement::{Variation, VariedSession};
    use probe_core::profile::Expectation;

    use super::*;

    #[test]
    fn the_whole_time_of_a_probe_ends_with_its_last_variation() {
        let text = include_str!("../../core/tests/scenarios/demo.json");
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

    #[test]
    fn what_is_blocked_as_expected_needs_no_word() {
        let text = include_str!("../../core/tests/scenarios/dropped.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        for probe in &mut document.probes {
            probe.measurement.rule.expect = Expectation::Blocked;
        }
        let document = judge_again(document);
        let mut dropped = document.probes.iter();
        let dropped = dropped.find(|p| p.verdict.id == VerdictId::Dropped);
        assert!(!dropped.unwrap().needs_a_word());
    }
}
