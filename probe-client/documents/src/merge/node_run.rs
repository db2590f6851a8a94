//! The part of a run document that one answer of many nodes needs. `merge` reads it in place of the whole document, of
//! which most are measurements: to make values of those that nobody looks at would take most of the time.
//!
//! [`RunDocument`](crate::RunDocument) is the other type of the same document. The parts that are read whole are its
//! own types. Only the server and the probe have a second type here, because their own contain the measurements.

use std::borrow::Cow;
use std::net::SocketAddr;

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::measurement::ProbedRule;
use probe_core::path::NetworkPath;
use probe_core::plan::{Silence, SkippedRule};
use probe_core::verdict::Segment;
use serde::Deserialize;

use crate::answered_probe::AnsweredProbe;
use crate::consistency::between;
use crate::egress::Egress;
use crate::{DOCUMENT, Host, RunFacts, Summary};

/// The run of a node, as far as it is part of the answer of many nodes.
#[derive(Debug, Deserialize)]
pub struct NodeRun<'a> {
    #[serde(borrow)]
    document: Cow<'a, str>,
    pub(super) run: RunFacts,
    host: Host,
    #[serde(borrow)]
    pub(super) server: NodeServer<'a>,
    pub(super) probes: Vec<NodeProbe>,
    #[serde(default)]
    pub(super) egress: Vec<Egress>,
    pub(super) skipped: Vec<SkippedRule>,
    summary: Summary,
}

/// The server that the node probed.
#[derive(Debug, Deserialize)]
pub(super) struct NodeServer<'a> {
    pub(super) hosts: Vec<String>,
    #[serde(borrow)]
    controls: Vec<NodeControl<'a>>,
}

/// The control record of one server address.
#[derive(Debug, Deserialize)]
struct NodeControl<'a> {
    #[serde(borrow)]
    outcome: NodeInstance<'a>,
    #[serde(borrow, default)]
    others: Vec<NodeInstance<'a>>,
}

/// The end of one search for a control channel, with the server's description of itself if it was reached.
#[derive(Debug, Deserialize)]
struct NodeInstance<'a> {
    #[serde(borrow, default)]
    description: Option<NodeDescription<'a>>,
}

/// The description that an instance of the server gives of itself.
#[derive(Debug, Deserialize)]
struct NodeDescription<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
}

/// One probe with its answer.
#[derive(Debug, Deserialize)]
pub(super) struct NodeProbe {
    pub(super) rule: ProbedRule,
    path: NetworkPath,
    #[serde(default)]
    address: Option<SocketAddr>,
    #[serde(default)]
    silence: Option<Silence>,
    pub(super) verdict: NodeVerdict,
    pub(super) outcome: Outcome,
}

/// The verdict about one probe, without its words.
#[derive(Debug, Deserialize)]
pub(super) struct NodeVerdict {
    pub(super) id: VerdictId,
    pub(super) segment: Segment,
}

impl NodeRun<'_> {
    /// Returns the name of the node: the label `node`, or the name of its host. A run without either is a node of its
    /// own, with the run's id as its name.
    pub fn node(&self) -> &str {
        self.host.node().unwrap_or(&self.run.id)
    }

    /// Returns whether this is a run document of this version that does not contradict itself.
    pub fn is_sound(&self) -> bool {
        self.document == DOCUMENT
            && between(&self.run, &self.probes, self.skipped.len(), &self.summary).is_empty()
    }
}

impl NodeServer<'_> {
    /// Returns the version of each instance that described itself.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        let instances = self
            .controls
            .iter()
            .flat_map(|control| std::iter::once(&control.outcome).chain(&control.others));
        let described = instances.filter_map(|instance| instance.description.as_ref());
        described.map(|description| description.version.as_ref())
    }
}

impl AnsweredProbe for NodeProbe {
    fn rule(&self) -> &ProbedRule {
        &self.rule
    }

    fn path(&self) -> &NetworkPath {
        &self.path
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn silence(&self) -> Option<Silence> {
        self.silence
    }

    fn verdict(&self) -> VerdictId {
        self.verdict.id
    }

    fn outcome(&self) -> Outcome {
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunDocument;
    use crate::diff::probes;

    /// Returns the questions of `all` with their answers.
    fn answers<P: AnsweredProbe>(all: &[P]) -> Vec<(String, VerdictId, Outcome)> {
        let all = probes(all).into_iter();
        all.map(|(key, probe)| (format!("{key:?}"), probe.verdict(), probe.outcome()))
            .collect()
    }

    #[test]
    fn the_part_that_is_read_says_what_the_whole_document_says() {
        for text in [
            include_str!("../../../core/tests/scenarios/reachable-both-families.json"),
            include_str!("../../../core/tests/scenarios/through-proxies.json"),
            include_str!("../../../core/tests/scenarios/lab-three-faults-at-once.json"),
            include_str!("../../../core/tests/scenarios/name-not-resolved.json"),
        ] {
            let whole: RunDocument = serde_json::from_str(text).unwrap();
            let part: NodeRun<'_> = serde_json::from_str(text).unwrap();
            assert!(part.is_sound(), "{text}");
            assert_eq!(part.node(), whole.host.node().unwrap());
            assert_eq!(answers(&part.probes), answers(&whole.probes));
            for (read, probe) in part.probes.iter().zip(&whole.probes) {
                assert_eq!(read.verdict.segment, probe.verdict.segment);
            }
            let controls = whole.server.controls.iter();
            let instances = controls.flat_map(|control| control.instances());
            let versions: Vec<&str> = instances.map(|server| server.version.as_str()).collect();
            assert_eq!(part.server.versions().collect::<Vec<_>>(), versions);
            assert_eq!((part.egress, part.skipped), (whole.egress, whole.skipped));
        }
    }
}
