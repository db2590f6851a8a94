//! The expected result of a run: a verdict, a place and findings for every probe, and an exit code.

use anyhow::ensure;
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::plan::Silence;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Verdict;
use probe_documents::{Probe, RunDocument};
use serde::Deserialize;

use super::Family;
use crate::Run;

/// The expected result of one run. A probe that no line is about has to be reachable, without any finding
/// other than `OF_OTHER_CAUSES`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// Why this result is the truth.
    pub why: String,
    pub exit: u8,
    /// Other exit codes that are also right, if chance decides.
    #[serde(default)]
    pub or_exit: Vec<u8>,
    /// Findings that at least one probe must have.
    #[serde(default)]
    pub somewhere: Vec<FindingId>,
    #[serde(default)]
    pub expect: Vec<Line>,
}

/// The expected result of some probes. The first line that is about a probe counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Line {
    /// The ports that the line is about; if empty, all ports.
    #[serde(default)]
    ports: Vec<u16>,
    #[serde(default)]
    kinds: Vec<SessionKind>,
    /// The path that the line is about, as `--via` takes it; words such as `<isp>` stand for addresses.
    #[serde(default)]
    path: Option<String>,
    /// The family of the server's addresses that the line is about, if a name has both.
    #[serde(default)]
    family: Option<Family>,
    /// The durations of silence in seconds that the line is about; if empty, all durations.
    #[serde(default)]
    seconds: Vec<u32>,
    /// Whether the line is about silent sessions with TCP keep-alive, or about those without; `None` for both.
    #[serde(default)]
    keep_alive: Option<bool>,
    pub(super) verdict: VerdictId,
    /// The segment as a report shows it; words such as `<isp>` stand for addresses. `None` for any segment.
    #[serde(default)]
    pub(super) at: Option<String>,
    /// A text that the verdict's claim must contain, if a verdict has several claims.
    #[serde(default)]
    says: Option<String>,
    /// A text that the claim must not contain.
    #[serde(default)]
    never_says: Option<String>,
    /// A text that the verdict's next step must contain, if it is known whom to ask for what; words such as `<isp>`
    /// stand for addresses.
    #[serde(default)]
    asks: Option<String>,
    /// A text that the next step must not contain.
    #[serde(default)]
    never_asks: Option<String>,
    /// A text that a line of the verdict's evidence must contain.
    #[serde(default)]
    shows: Option<String>,
    /// A text that the claim or the detail of one of the probe's findings must contain.
    #[serde(default)]
    notes: Option<String>,
    /// The findings that the probe must have; it may have no others, except for those in `perhaps`.
    #[serde(default)]
    pub(super) findings: Vec<FindingId>,
    /// Findings that chance may add.
    #[serde(default)]
    perhaps: Vec<FindingId>,
    /// Other verdicts that are also right, if chance decides.
    #[serde(default)]
    or: Vec<VerdictId>,
}

impl Expectation {
    /// Checks the run against this expectation.
    ///
    /// # Errors
    /// Fails if the run has another result.
    pub(super) fn check(&self, run: &Run, family: Family) -> anyhow::Result<()> {
        let document = run.document()?;
        let wrong = self.differences(document, family);
        ensure!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), run.text());
        run.expect_exit(document.summary.exit_code).map(drop)
    }

    /// Lists the differences between `document` and this expectation, in words.
    pub(super) fn differences(&self, document: &RunDocument, family: Family) -> Vec<String> {
        let mut wrong: Vec<String> = document
            .probes
            .iter()
            .filter_map(|probe| self.differs(probe, family))
            .collect();
        if document.probes.is_empty() {
            wrong.push("nothing was probed".to_owned());
        }
        wrong.extend(self.found_nowhere(document));
        let code = document.summary.exit_code;
        if code != self.exit && !self.or_exit.contains(&code) {
            wrong.push(format!("exit code {code} instead of {}", self.exit));
        }
        wrong
    }

    fn found_nowhere(&self, document: &RunDocument) -> Option<String> {
        let found = || document.probes.iter().flat_map(|probe| &probe.findings);
        let is_missing = |id: &&FindingId| !found().any(|finding| finding.id == **id);
        let missing = self.somewhere.iter().filter(is_missing);
        let missing: Vec<String> = missing.map(FindingId::to_string).collect();
        (!missing.is_empty()).then(|| format!("no probe has {}", missing.join(", ")))
    }

    /// Returns the ports for which the expectation has a verdict other than `reachable`.
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
        let wanted = self.expect.iter().find(|line| line.is_about(probe, family));
        let fits = match wanted {
            None => {
                id == VerdictId::Reachable && found.iter().all(|id| OF_OTHER_CAUSES.contains(id))
            }
            Some(line) => {
                let family = line.family.unwrap_or(family);
                line.names(id, &at, family)
                    && line.words_fit(&probe.verdict, family)
                    && line.fits(&found)
                    && line.is_noted(probe)
            }
        };
        (!fits).then(|| {
            let wanted = match wanted {
                None => "reachable".to_owned(),
                Some(line) => line.shown(family),
            };
            let m = &probe.measurement;
            let silence = m
                .silence
                .map_or_else(String::new, |s| format!(" after {s}"));
            format!(
                "{}/{} of {} over {}{silence} is {id} at {at} with {found:?} instead of {wanted}: \
                 {}; next: {}",
                rule.port,
                rule.session,
                m.server()
                    .map_or_else(|| m.host.clone(), |ip| ip.to_string()),
                m.path,
                probe.verdict.claim,
                probe.verdict.next_step.as_deref().unwrap_or("nothing")
            )
        })
    }
}

impl Line {
    pub(super) fn is_about_port(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.contains(&port)
    }

    pub(super) fn is_about(&self, probe: &Probe, trial: Family) -> bool {
        let m = &probe.measurement;
        let family = m.server().map(Family::of);
        let path = self.path.as_ref().map(|text| trial.fill(text));
        let silence = |fits: &dyn Fn(Silence) -> bool| m.silence.is_some_and(fits);
        self.is_about_port(m.rule.port.get())
            && (self.kinds.is_empty() || self.kinds.contains(&m.rule.session))
            && (self.family.is_none() || self.family == family)
            && path.is_none_or(|path| m.path.to_string() == path)
            && (self.seconds.is_empty() || silence(&|s| self.seconds.contains(&s.seconds)))
            && self
                .keep_alive
                .is_none_or(|with| silence(&|s| s.keep_alive_seconds.is_some() == with))
    }

    /// Returns all verdicts that are right.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = VerdictId> {
        std::iter::once(self.verdict).chain(self.or.iter().copied())
    }

    /// Returns whether this verdict, in this segment as a report shows it, is the expected one.
    pub(super) fn names(&self, id: VerdictId, at: &str, family: Family) -> bool {
        let place = self.at.as_ref().is_none_or(|text| family.fill(text) == at);
        place && (id == self.verdict || self.or.contains(&id))
    }

    fn words_fit(&self, verdict: &Verdict, family: Family) -> bool {
        let next_step = verdict.next_step.as_deref().unwrap_or_default();
        let claimed = |text: &String| verdict.claim.contains(text);
        let asked = |text: &String| next_step.contains(&family.fill(text));
        self.says.as_ref().is_none_or(claimed)
            && !self.never_says.as_ref().is_some_and(claimed)
            && self.asks.as_ref().is_none_or(asked)
            && !self.never_asks.as_ref().is_some_and(asked)
            && self.shows.as_ref().is_none_or(|text| {
                let mut evidence = verdict.evidence.iter();
                evidence.any(|line| line.contains(text))
            })
    }

    fn is_noted(&self, probe: &Probe) -> bool {
        self.notes.as_ref().is_none_or(|text| {
            let mut findings = probe.findings.iter();
            let noted = |said: &String| said.contains(text);
            findings.any(|f| noted(&f.claim) || f.detail.as_ref().is_some_and(noted))
        })
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
        let mut says = String::new();
        if let Some(text) = &self.says {
            says.push_str(&format!(", saying {text:?},"));
        }
        if let Some(text) = &self.never_says {
            says.push_str(&format!(", never saying {text:?},"));
        }
        if let Some(text) = &self.asks {
            says.push_str(&format!(", asking {text:?},"));
        }
        if let Some(text) = &self.never_asks {
            says.push_str(&format!(", never asking {text:?},"));
        }
        if let Some(text) = &self.shows {
            says.push_str(&format!(", showing {text:?},"));
        }
        if let Some(text) = &self.notes {
            says.push_str(&format!(", noting {text:?},"));
        }
        format!("{}{at}{says} with {:?}", self.verdict, self.findings)
    }
}

/// Findings that are allowed with any fault: the profile causes the first, and retransmissions on a busy machine cause
/// the second.
const OF_OTHER_CAUSES: [FindingId; 2] = [FindingId::DestinationNotTested, FindingId::Loss];
