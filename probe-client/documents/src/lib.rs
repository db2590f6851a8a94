//! The run document, `fwprobe.run/1`: everything that a run measured and concluded. It is the only input of every
//! report, and a saved one can be judged again.

mod answered_probe;
mod conclusion;
mod consistency;
pub mod diff;
pub mod egress;
pub mod expectations;
pub mod history;
pub mod merge;
mod subject;
pub mod traffic;
pub mod watch;

use std::net::IpAddr;

use head_node::answer::Check;
use probe_core::catalogue::{Severity, VerdictClass};
use probe_core::control_record::ControlRecord;
use probe_core::judge::Outcome;
use probe_core::labels::{self, Labels};
use probe_core::measurement::Measurement;
use probe_core::plan::SkippedRule;
use probe_core::profile::ProfileId;
use probe_core::session::HexBytes;
use probe_core::verdict::{Finding, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::conclusion::{Gathered, conclude, judge_again};
pub use self::consistency::contradictions;
use self::egress::Egress;

/// The document of one run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RunDocument {
    /// The name of the format: `fwprobe.run/1`.
    pub document: String,
    pub run: RunFacts,
    pub host: Host,
    pub server: ServerFacts,
    /// Checks of the head node itself that this run could make. They do not count in the summary: its exit
    /// code is about rules.
    pub checks: Vec<Check>,
    pub probes: Vec<Probe>,
    /// Probes of a port that belongs to no rule, measured for comparison only.
    pub reference_probes: Vec<Measurement>,
    /// The source address of each verified session of a probe, as the server saw it.
    #[serde(default)]
    pub egress: Vec<Egress>,
    pub skipped: Vec<SkippedRule>,
    pub summary: Summary,
}

/// The id, times and version of one run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RunFacts {
    /// The run's id: 32 hexadecimal digits, random.
    pub id: String,
    /// The time at which the run began: RFC 3339, UTC.
    pub started: String,
    pub finished: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// The version of fwprobe.
    pub version: String,
    /// False: the run was interrupted, and some probes were not finished.
    pub complete: bool,
    /// True: the run took no second looks (`--quick`), so every verdict leaves other causes open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
}

/// The host on which fwprobe ran.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Host {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    pub addresses: Vec<IpAddr>,
    /// IP and TCP header of a SYN that this host sent to itself. It shows which options its system sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_syn: Option<HexBytes>,
    /// The labels of the run: those that the user gave, and those of the launcher that started it.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// The server that the run probed.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServerFacts {
    pub hosts: Vec<String>,
    /// The id of the client key; the key itself is in no report.
    pub key_id: String,
    /// The control records, one per server address.
    pub controls: Vec<ControlRecord>,
}

/// One probe with its verdict.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Probe {
    #[serde(flatten)]
    pub measurement: Measurement,
    pub verdict: Verdict,
    pub outcome: Outcome,
    pub findings: Vec<Finding>,
    pub timings: Timings,
}

/// The times of a probe's steps in microseconds. Absent: the step was not reached.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Timings {
    pub started_us: u64,
    /// The time of the probe's own session.
    pub total_us: u64,
    /// The time of everything that was done for this port, including variations and the survey of hops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_us: Option<u64>,
    /// The time of the dialogue with the proxy, including its own connection to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testimony_us: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_us: Option<u64>,
}

/// The number of probes with each outcome, and the exit code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    pub probes: usize,
    pub as_expected: usize,
    pub not_as_expected: usize,
    pub undecided: usize,
    pub skipped: usize,
    /// The exit code of fwprobe: 0, 1 or 3.
    pub exit_code: u8,
}

impl Host {
    /// Returns the name of the node in reports: the label `node`, or the host's own name.
    pub fn node(&self) -> Option<&str> {
        self.labels.get(labels::NODE).or(self.name.as_deref())
    }
}

impl Probe {
    /// Returns whether a report must say more than "as expected": the outcome differs, or the port is open with a
    /// warning.
    pub fn needs_a_word(&self) -> bool {
        let entry = self.verdict.id.entry();
        let warned = entry.class == VerdictClass::Open && entry.severity != Severity::Info;
        self.outcome != Outcome::AsExpected || warned
    }
}

/// The value of [`RunDocument::document`].
pub const DOCUMENT: &str = "fwprobe.run/1";
