//! The parts of a run by which nodes are grouped, and the parts that are only counted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_core::profile::{Expectation, Port, RuleId};
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;

use super::document::{Device, Place};
use super::node_run::{NodeProbe, NodeRun};
use crate::diff::{ComparedAnswer, FactKind, Key, probes};

/// The answer of a run: nodes with equal answers are one group.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Answer {
    /// Whether the run was interrupted, so that some probes were not finished.
    pub(super) interrupted: bool,
    pub(super) rows: Vec<Row>,
    pub(super) skipped: BTreeSet<RuleId>,
}

/// The answer about one rule over one path to the addresses of one family.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) port: Port,
    pub(super) session: SessionKind,
    pub(super) expect: Expectation,
    pub(super) outcome: Outcome,
    pub(super) verdict: VerdictId,
    pub(super) place: Place,
}

/// Facts of a run that may differ between nodes of one group.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Aside {
    pub(super) facts: BTreeSet<(FactKind, String)>,
    /// The devices that the run blames, each with the index of the answer's row.
    pub(super) devices: BTreeSet<(usize, Device)>,
    /// Whether the run took no second looks, and so did not search for the place of a cause.
    pub(super) quick: bool,
}

/// The paths, each with an address under which the server saw the node. Unlike the facts of an [`Aside`], these may
/// differ for every node, so they are a list without spare room.
pub(super) type Addresses = Box<[(String, IpAddr)]>;

impl Answer {
    /// Returns the answer of a run, and its other facts.
    pub(super) fn of(document: &NodeRun<'_>) -> (Self, Aside) {
        let mut rows = Vec::new();
        let mut devices = BTreeSet::new();
        for (index, (key, probe)) in probes(&document.probes).into_iter().enumerate() {
            devices.extend(device(&probe.verdict.segment).map(|device| (index, device)));
            rows.push(Row::of(key, probe));
        }
        let answer = Self {
            interrupted: !document.run.complete,
            rows,
            skipped: document
                .skipped
                .iter()
                .map(|rule| rule.id.clone())
                .collect(),
        };
        let aside = Aside {
            facts: facts(document),
            devices,
            quick: document.run.quick,
        };
        (answer, aside)
    }

    /// Returns the outcome that needs the most attention. An interrupted run is at least undecided.
    pub(super) fn outcome(&self) -> Outcome {
        let worst = self.rows.iter().map(|row| row.outcome);
        match worst.max_by_key(|outcome| outcome.urgency()) {
            Some(Outcome::NotAsExpected) => Outcome::NotAsExpected,
            Some(Outcome::Undecided) => Outcome::Undecided,
            Some(Outcome::AsExpected) | None if self.interrupted => Outcome::Undecided,
            Some(Outcome::AsExpected) | None => Outcome::AsExpected,
        }
    }

    /// Returns whether the run leaves something open.
    pub(super) fn is_undecided(&self) -> bool {
        let mut rows = self.rows.iter();
        self.interrupted || rows.any(|row| row.outcome == Outcome::Undecided)
    }
}

/// The values by which rows are ordered.
type Order<'a> = (
    &'a Key,
    Port,
    SessionKind,
    Expectation,
    u8,
    VerdictId,
    Place,
);

impl Row {
    fn of(key: Key, probe: &NodeProbe) -> Self {
        let rule = &probe.rule;
        Self {
            key,
            port: rule.port,
            session: rule.session,
            expect: rule.expect,
            outcome: probe.outcome,
            verdict: probe.verdict.id,
            place: Place::of(&probe.verdict.segment),
        }
    }

    /// Returns the answer in the form in which two runs are compared. Hops are no part of it.
    pub(super) fn said(&self, quick: bool) -> ComparedAnswer {
        ComparedAnswer {
            port: self.port,
            session: self.session,
            expect: self.expect,
            outcome: self.outcome,
            verdict: self.verdict,
            segment: self.place.segment(),
            quick,
        }
    }

    fn order(&self) -> Order<'_> {
        (
            &self.key,
            self.port,
            self.session,
            self.expect,
            self.outcome.urgency(),
            self.verdict,
            self.place,
        )
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns the hop and address that a verdict names. They are no part of the answer: nodes count different hops to one
/// device, and a router that is silent for one node may answer another.
fn device(segment: &Segment) -> Option<Device> {
    match *segment {
        Segment::Path { hop, address } if hop.is_some() || address.is_some() => {
            Some(Device { hop, address })
        }
        Segment::Path { .. }
        | Segment::None
        | Segment::ThisHost
        | Segment::NearNetwork
        | Segment::CloudEdge
        | Segment::ServerHost
        | Segment::Proxy
        | Segment::Unknown => None,
    }
}

/// Returns the addresses under which the server saw the node, each once for each path.
pub(super) fn addresses(document: &NodeRun<'_>) -> Addresses {
    let egress = document.egress.iter();
    let addresses: BTreeSet<(String, IpAddr)> = egress
        .map(|egress| (egress.path.to_string(), egress.seen.ip().to_canonical()))
        .collect();
    addresses.into_iter().collect()
}

fn facts(document: &NodeRun<'_>) -> BTreeSet<(FactKind, String)> {
    let mut facts = BTreeSet::from([
        (FactKind::Server, document.server.hosts.join(", ")),
        (FactKind::FwprobeVersion, document.run.version.clone()),
    ]);
    if let Some(profile) = &document.run.profile {
        facts.insert((FactKind::Profile, profile.to_string()));
    }
    let versions = document.server.versions();
    facts.extend(versions.map(|version| (FactKind::ServerVersion, version.to_owned())));
    facts
}
