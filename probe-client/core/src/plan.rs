//! The plan: what will be probed, as data that can be printed and compared before anything is sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::profile::{Port, Profile, ProfileId, Rule, RuleId, Untestable};
use crate::session_kind::SessionKind;

/// Everything that a run will do.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Plan {
    /// Absent: only ports given by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    pub hosts: Vec<String>,
    pub paths: Vec<String>,
    /// Each is probed over every path, to every address of every host.
    pub probes: Vec<PlannedProbe>,
    pub skipped: Vec<SkippedRule>,
    /// A port of no rule, dialled for comparison only.
    pub control_port: Port,
}

/// A rule that will be probed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PlannedProbe {
    pub rule: Rule,
    pub session: SessionKind,
    /// The port that is dialled: the rule's, unless it is mapped.
    pub dialled: Port,
}

/// A rule that cannot be tested from here.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SkippedRule {
    pub id: RuleId,
    pub port: Port,
    pub purpose: String,
    pub because: Untestable,
}

/// Ports that are dialled in place of the rules' own.
pub type PortMap = BTreeMap<Port, Port>;

impl Plan {
    /// Lays out `rules` over `hosts` and `paths`.
    pub fn new(
        profile: Option<&Profile>,
        rules: &[Rule],
        hosts: Vec<String>,
        paths: Vec<String>,
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
            probes,
            skipped,
            control_port: maps.get(&control_port).copied().unwrap_or(control_port),
        }
    }
}
