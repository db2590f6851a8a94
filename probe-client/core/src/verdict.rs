//! Verdicts and findings: the conclusions that `judge` draws about a probe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alternative::Alternative;
use crate::catalogue::{FindingId, VerdictId};

/// The cause found for one probe.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Verdict {
    pub id: VerdictId,
    pub segment: Segment,
    pub confidence: Confidence,
    /// One sentence with the figures of this very probe.
    pub claim: String,
    /// The next step for the user. Absent: there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
    /// The facts that the verdict rests on, in words.
    pub evidence: Vec<String>,
    /// Other causes that would have left the same evidence; `evidence` names them as well. If there are any, the
    /// confidence is never high.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// The command that prints the page: `fwprobe explain ID`.
    pub page: String,
}

/// Something worth knowing that fails no rule by itself.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    pub id: FindingId,
    /// One sentence, the same for all probes that share the cause.
    pub claim: String,
    /// The figures of this very probe, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The part of the path that the verdict blames.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "at")]
pub enum Segment {
    /// No part: there is nothing to blame.
    None,
    ThisHost,
    NearNetwork,
    /// On the path between its two ends; `hop` and `address` are present if they are known.
    Path {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hop: Option<u8>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<std::net::IpAddr>,
    },
    CloudEdge,
    ServerHost,
    Proxy,
    Unknown,
}

/// How firmly the evidence supports the verdict.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    /// Returns the confidence's name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Segment {
    /// Somewhere between the two ends; nothing more is known.
    pub(crate) const PATH: Self = Self::Path {
        hop: None,
        address: None,
    };
}

impl Verdict {
    pub(crate) fn new(
        id: VerdictId,
        segment: Segment,
        confidence: Confidence,
        claim: impl Into<String>,
    ) -> Self {
        Self {
            id,
            segment,
            confidence,
            claim: claim.into(),
            next_step: None,
            evidence: Vec::new(),
            alternatives: Vec::new(),
            page: id.anchor(),
        }
    }

    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    pub(crate) fn because(mut self, fact: impl Into<String>) -> Self {
        self.evidence.push(fact.into());
        self
    }

    /// Adds `other` as a cause that the evidence does not exclude, which limits the confidence to medium.
    pub(crate) fn unless(mut self, other: Alternative) -> Self {
        if !self.alternatives.contains(&other) {
            self.alternatives.push(other);
            self.evidence.push(other.words().to_owned());
        }
        self.confidence = self.confidence.min(Confidence::Medium);
        self
    }

    pub(crate) fn unless_all(self, others: impl IntoIterator<Item = Alternative>) -> Self {
        others.into_iter().fold(self, Self::unless)
    }
}

impl Finding {
    pub(crate) fn new(id: FindingId, claim: impl Into<String>) -> Self {
        Self {
            id,
            claim: claim.into(),
            detail: None,
        }
    }

    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::ThisHost => f.write_str("this-host"),
            Self::NearNetwork => f.write_str("near-network"),
            Self::Path { hop, address } => {
                f.write_str("path")?;
                if let Some(hop) = hop {
                    write!(f, " hop {hop}")?;
                }
                if let Some(address) = address {
                    write!(f, " {address}")?;
                }
                Ok(())
            }
            Self::CloudEdge => f.write_str("cloud-edge"),
            Self::ServerHost => f.write_str("server-host"),
            Self::Proxy => f.write_str("proxy"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
