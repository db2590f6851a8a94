//! The part of a probe by which runs are compared, merged and checked. `merge` reads hardly more than this part of a run
//! document, and every other command reads the whole.

use std::net::SocketAddr;

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::measurement::ProbedRule;
use probe_core::path::NetworkPath;
use probe_core::plan::Silence;

use crate::Probe;

/// A probe with its answer.
pub(crate) trait AnsweredProbe {
    fn rule(&self) -> &ProbedRule;
    fn path(&self) -> &NetworkPath;
    fn address(&self) -> Option<SocketAddr>;
    fn silence(&self) -> Option<Silence>;
    fn verdict(&self) -> VerdictId;
    fn outcome(&self) -> Outcome;
}

impl AnsweredProbe for Probe {
    fn rule(&self) -> &ProbedRule {
        &self.measurement.rule
    }

    fn path(&self) -> &NetworkPath {
        &self.measurement.path
    }

    fn address(&self) -> Option<SocketAddr> {
        self.measurement.address
    }

    fn silence(&self) -> Option<Silence> {
        self.measurement.silence
    }

    fn verdict(&self) -> VerdictId {
        self.verdict.id
    }

    fn outcome(&self) -> Outcome {
        self.outcome
    }
}
