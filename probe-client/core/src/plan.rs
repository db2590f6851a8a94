//! The plan: the probes that a run will make, as data that can be printed and compared before anything is sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::NetworkPath;
use crate::profile::{Port, Profile, ProfileId, Rule, RuleId, Untestable};
use crate::session_kind::SessionKind;

/// The purpose shown for a rule from `--port`, for which none was stated.
pub const GIVEN_BY_HAND: &str = "given by hand";

/// Everything that a run will do.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Plan {
    /// The profile's id. Absent: the plan has only ports given by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    pub hosts: Vec<String>,
    pub paths: Vec<NetworkPath>,
    /// The limits of paths. A path without a limit is used for all hosts and rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<PathScope>,
    /// The probes. Each is made over every path, to every address of every host.
    pub probes: Vec<PlannedProbe>,
    pub skipped: Vec<SkippedRule>,
    /// A port that belongs to no rule and is dialled only for comparison.
    pub control_port: Port,
}

/// A path that is used for one host only, and there only for some kinds of session.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PathScope {
    pub path: NetworkPath,
    pub host: String,
    pub sessions: Vec<SessionKind>,
    /// The dialled ports for which the path is used; if empty, all ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// The setting of the system that names the path, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_by: Option<String>,
}

/// A rule that will be probed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PlannedProbe {
    pub rule: Rule,
    pub session: SessionKind,
    /// The port that is dialled: the rule's, unless it is mapped.
    pub dialled: Port,
    /// The silence to keep once the session is verified. Absent: the session ends without a silence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
}

/// Deliberate silence in the middle of a verified session, which goes on afterwards.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct Silence {
    /// The interval of TCP keep-alive probes. Absent: there are none, and no packet is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive_seconds: Option<u32>,
    pub seconds: u32,
}

/// A rule that cannot be tested from here.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SkippedRule {
    pub id: RuleId,
    pub port: Port,
    pub purpose: String,
    pub because: Untestable,
}

/// Ports to dial instead of the rules' own.
pub type PortMap = BTreeMap<Port, Port>;

impl Plan {
    /// Makes a plan of `rules` for all `hosts` and `paths`.
    pub fn new(
        profile: Option<&Profile>,
        rules: &[Rule],
        hosts: Vec<String>,
        paths: Vec<NetworkPath>,
        maps: &PortMap,
        control_port: Port,
    ) -> Self {
        let mut probes = Vec::new();
        let mut skipped = Vec::new();
        for rule in rules {
            match rule.testable() {
                Ok(session) => probes.push(PlannedProbe {
                    session,
                    dialled: maps.get(&rule.port).copied().unwrap_or(rule.port),
                    silence: None,
                    rule: rule.clone(),
                }),
                Err(because) => skipped.push(SkippedRule {
                    id: rule.id.clone(),
                    port: rule.port,
                    purpose: rule.purpose.clone(),
                    because,
                }),
            }
        }
        Self {
            profile: profile.map(|p| p.id.clone()),
            hosts,
            paths,
            scopes: Vec::new(),
            probes,
            skipped,
            control_port: maps.get(&control_port).copied().unwrap_or(control_port),
        }
    }

    /// Returns the probes to `host` over `path`.
    pub fn over<'a>(
        &'a self,
        path: &'a NetworkPath,
        host: &'a str,
    ) -> impl Iterator<Item = &'a PlannedProbe> {
        self.probes
            .iter()
            .filter(move |probe| self.takes(path, host, probe))
    }

    /// Returns the number of probes, counting one address of each host.
    pub fn len(&self) -> usize {
        let each = |path| {
            self.hosts
                .iter()
                .map(move |host| self.over(path, host).count())
        };
        self.paths.iter().flat_map(each).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn takes(&self, path: &NetworkPath, host: &str, probe: &PlannedProbe) -> bool {
        let mut scopes = self.scopes.iter().filter(|s| s.path == *path).peekable();
        scopes.peek().is_none() || scopes.any(|s| s.host == host && s.covers(probe))
    }

    /// Replaces each probe by one for every silence in `ladder`.
    #[must_use]
    pub fn with_silences(self, ladder: &[Silence]) -> Self {
        let probes = self
            .probes
            .iter()
            .flat_map(|probe| {
                ladder.iter().map(|silence| PlannedProbe {
                    silence: Some(*silence),
                    ..probe.clone()
                })
            })
            .collect();
        Self { probes, ..self }
    }
}

impl PathScope {
    fn covers(&self, probe: &PlannedProbe) -> bool {
        self.sessions.contains(&probe.session)
            && (self.ports.is_empty() || self.ports.contains(&probe.dialled))
    }
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Span(self.seconds))?;
        match self.keep_alive_seconds {
            None => Ok(()),
            Some(every) => write!(f, " with a keep-alive every {}", Span(every)),
        }
    }
}

/// A number of seconds, shown for people: `45 s`, `4 min`, `1 min 30 s`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub u32);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 60, self.0 % 60) {
            (0, seconds) => write!(f, "{seconds} s"),
            (minutes, 0) => write!(f, "{minutes} min"),
            (minutes, seconds) => write!(f, "{minutes} min {seconds} s"),
        }
    }
}
