//! What a run has to say: a verdict, a place and findings for every probe, and an exit code.

use anyhow::ensure;
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::document::Probe;
use probe_core::session_kind::SessionKind;
use serde::Deserialize;

use super::Family;
use crate::Run;

/// Of one run. What no line of it is about has to be reachable, without any finding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// Why it is the truth.
    pub why: String,
    pub exit: u8,
    #[serde(default)]
    pub expect: Vec<Line>,
}

/// Of some probes; the first line that is about a probe counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// All of them, where it says nothing.
    #[serde(default)]
    ports: Vec<u16>,
    #[serde(default)]
    kinds: Vec<SessionKind>,
    pub(super) verdict: VerdictId,
    /// As a report shows the segment; `<isp>` and its like stand for addresses. Absent: anywhere.
    #[serde(default)]
    pub(super) at: Option<String>,
    /// These and no others.
    #[serde(default)]
    pub(super) findings: Vec<FindingId>,
    /// Where chance has a part in it: these may come or not.
    #[serde(default)]
    perhaps: Vec<FindingId>,
    /// Where chance has a part in it: as right.
    #[serde(default)]
    or: Vec<VerdictId>,
}

impl Expectation {
    /// # Errors
    /// Something else came of the run.
    pub(super) fn check(&self, run: &Run, family: Family) -> anyhow::Result<()> {
        let document = run.document()?;
        ensure!(!document.probes.is_empty(), "nothing was probed");
        let wrong: Vec<String> = document
            .probes
            .iter()
            .filter_map(|probe| self.differs(probe, family))
            .collect();
        ensure!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), run.text());
        run.expect_exit(self.exit).map(drop)
    }

    /// The ports that are not simply reachable.
    pub(super) fn ports_under_test<'a>(&self, probed: &'a [u16]) -> Vec<&'a u16> {
        let tested = |port: &&u16| {
            let lines = || self.expect.iter().filter(|line| line.is_about_port(**port));
            lines().any(|line| line.verdict != VerdictId::Reachable)
        };
        probed.iter().filter(tested).collect()
    }

    fn differs(&self, probe: &Probe, family: Family) -> Option<String> {
        let rule = &probe.measurement.rule;
        let (id, at) = (probe.verdict.id, probe.verdict.segment.to_string());
        let found: Vec<FindingId> = probe.findings.iter().map(|finding| finding.id).collect();
        let wanted = self.expect.iter().find(|line| line.is_about(probe));
        let fits = match wanted {
            None => {
                id == VerdictId::Reachable && found.iter().all(|id| OF_OTHER_CAUSES.contains(id))
            }
            Some(line) => line.names(id, &at, family) && line.fits(&found),
        };
        (!fits).then(|| {
            let wanted = match wanted {
                None => "reachable".to_owned(),
                Some(line) => line.shown(family),
            };
            format!(
                "{}/{} is {id} at {at} with {found:?} instead of {wanted}",
                rule.port, rule.session
            )
        })
    }
}

impl Line {
    pub(super) fn is_about_port(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.contains(&port)
    }

    pub(super) fn is_about(&self, probe: &Probe) -> bool {
        let rule = &probe.measurement.rule;
        self.is_about_port(rule.port.get())
            && (self.kinds.is_empty() || self.kinds.contains(&rule.session))
    }

    /// Whether this verdict, in this place as a report shows it, is the expected one.
    pub(super) fn names(&self, id: VerdictId, at: &str, family: Family) -> bool {
        let place = self.at.as_ref().is_none_or(|text| family.fill(text) == at);
        place && (id == self.verdict || self.or.contains(&id))
    }

    fn fits(&self, found: &[FindingId]) -> bool {
        self.findings.iter().all(|id| found.contains(id))
            && found.iter().all(|id| {
                [&self.findings[..], &self.perhaps, &OF_OTHER_CAUSES]
                    .iter()
                    .any(|allowed| allowed.contains(id))
            })
    }

    fn shown(&self, family: Family) -> String {
        let at = match &self.at {
            Some(at) => format!(" at {}", family.fill(at)),
            None => String::new(),
        };
        format!("{}{at} with {:?}", self.verdict, self.findings)
    }
}

/// Noted whatever the fault is: the first comes of what the profile says, and a busy machine lets
/// segments wait until they are sent again.
const OF_OTHER_CAUSES: [FindingId; 2] = [FindingId::DestinationNotTested, FindingId::Loss];
