//! The part of a recorded run's document that tests read: the evidence.

use serde::Deserialize;

use crate::control_record::ControlRecord;
use crate::judge::{ProbeJudgement, RunEvidence, judge_all};
use crate::measurement::Measurement;
use crate::session::HexBytes;

/// A recorded run, as far as verdicts rest on it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) run: RunFacts,
    pub(crate) host: Host,
    pub(crate) server: ServerFacts,
    pub(crate) probes: Vec<Probe>,
    pub(crate) reference_probes: Vec<Measurement>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RunFacts {
    started: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Host {
    addresses: Vec<std::net::IpAddr>,
    own_syn: Option<HexBytes>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ServerFacts {
    pub(crate) controls: Vec<ControlRecord>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Probe {
    #[serde(flatten)]
    pub(crate) measurement: Measurement,
}

/// A measurement with its verdict, outcome and findings.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) measurement: Measurement,
    pub(crate) judged: ProbeJudgement,
}

impl Recorded {
    /// Reads the recorded run from `text`, a run document.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap()
    }

    /// Judges every probe anew.
    pub(crate) fn judged(&self) -> Vec<Judgement> {
        let measurements: Vec<_> = self.probes.iter().map(|p| p.measurement.clone()).collect();
        let started = self.run.started.parse().ok();
        let judged = judge_all(&RunEvidence {
            measurements: &measurements,
            reference_probes: &self.reference_probes,
            controls: &self.server.controls,
            own_addresses: &self.host.addresses,
            own_syn: self.host.own_syn.as_ref(),
            started_ms: started.map(jiff::Timestamp::as_millisecond),
            quick: false,
        });
        let both = measurements.into_iter().zip(judged);
        both.map(|(measurement, judged)| Judgement {
            measurement,
            judged,
        })
        .collect()
    }
}
