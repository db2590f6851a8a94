//! A side connection from another source port.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::syn_times;
use crate::odds::Trials;

/// One side connection and its result.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Flow {
    pub round: FlowRound,
    /// The port dialled.
    pub port: u16,
    pub source_port: u16,
    /// The time at which the connection was dialled, in microseconds since the run's start.
    pub start_us: u64,
    pub duration_us: u64,
    /// SYNs after the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub syns_sent_again: u32,
    /// Bytes written once the connection was opened; 0 if it was opened for its handshake alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes_written: u32,
    /// Segments sent again once the connection was opened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub segments_sent_again: u32,
    pub end: FlowEnd,
}

/// When and why a side connection was opened.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowRound {
    /// Together with the others, once the probe's own session had run whole.
    AtOnce,
    /// While the probe's own SYN was unanswered; the connection sends one SYN.
    Early,
    /// Slowly, from a source port that got no answer before.
    Again,
    /// Slowly, from a source port that was not used before.
    Fresh,
    /// To a port that works, after the last SYN to a port that does not answer.
    Control,
    /// To a port that worked, when the run was about to end.
    AtTheEnd,
}

/// How a side connection ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowEnd {
    /// The connection was opened, and closed by both ends.
    Answered,
    /// No answer to its SYNs arrived.
    Unanswered,
    /// The connection was opened, and then nothing came, not even the answer to its close: what followed
    /// the handshake was lost.
    Stuck,
    /// RST or an ICMP error answered its SYN.
    TurnedAway,
    /// This host could not send its SYN: its source port was taken, or the run was ended.
    NotSent,
}

impl Flow {
    /// Returns whether no answer came to the SYN, or to what followed it.
    pub fn is_dead(&self) -> bool {
        matches!(self.end, FlowEnd::Unanswered | FlowEnd::Stuck)
    }

    /// Returns when each of its SYNs was sent, in microseconds since the first.
    pub fn syn_times(&self) -> &'static [u64] {
        let sent = self.syns_sent_again.saturating_add(1);
        syn_times(self.duration_us, Some(sent))
    }

    pub fn is_answered(&self) -> bool {
        self.end == FlowEnd::Answered
    }

    /// Returns whether a SYN was answered with a SYN-ACK, whatever became of the connection then.
    pub fn is_let_in(&self) -> bool {
        matches!(self.end, FlowEnd::Answered | FlowEnd::Stuck)
    }

    /// Returns whether the first SYN was not answered, but a later one was.
    pub(crate) fn is_late(&self) -> bool {
        self.is_answered() && self.syns_sent_again > 0
    }

    /// Counts its SYNs, and how many of them got no answer.
    ///
    /// A stuck connection counts what followed the handshake instead of the answered SYN: the first segment, plus one
    /// for all retransmissions, which happen within the same second.
    pub(crate) fn packets(&self) -> Trials {
        let again = count(self.syns_sent_again);
        let (failed, all) = match self.end {
            FlowEnd::Stuck => {
                let repeated = self.segments_sent_again > 0 || self.duration_us >= REPEATED_US;
                let lost = again + 1 + usize::from(repeated);
                (lost, lost)
            }
            FlowEnd::Unanswered => (again + 1, again + 1),
            FlowEnd::Answered | FlowEnd::TurnedAway | FlowEnd::NotSent => (again, again + 1),
        };
        Trials { failed, all }
    }

    /// Counts its SYNs, and how many of them were lost or rejected.
    pub(crate) fn syns_not_let_in(&self) -> Trials {
        match self.end {
            FlowEnd::NotSent => Trials::default(),
            FlowEnd::TurnedAway => {
                let syns = self.packets();
                Trials {
                    failed: syns.all,
                    ..syns
                }
            }
            FlowEnd::Answered | FlowEnd::Unanswered | FlowEnd::Stuck => self.packets(),
        }
    }
}

/// The time by which either end has sent unacknowledged data again.
///
/// The retransmission timeout is at most one second if round trips are known to be shorter (RFC 6298 section 2.4).
const REPEATED_US: u64 = 1_300_000;

fn count(packets: u32) -> usize {
    usize::try_from(packets).unwrap_or(usize::MAX / 4)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
