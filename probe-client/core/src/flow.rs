//! Side connections from other source ports: whether the way treats some flows (RFC 2992: what shares addresses
//! and ports) otherwise than the probe's own session. Each is a handshake, first bytes as the session sends them, a close
//! and the server's close, which comes only where the bytes before it have arrived.
//!
//! A fault by flow (one of several parallel links, an asymmetric path, a race of connection tracking) stays with
//! its source port; random loss does not. So what got no answer is dialled again from the same source port.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measurement::{Measurement, Redial};
use crate::odds::{self, Trials};

/// One side connection and what came of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Flow {
    pub round: FlowRound,
    /// The port dialled.
    pub port: u16,
    pub source_port: u16,
    /// Since the run's start.
    pub start_us: u64,
    pub duration_us: u64,
    /// SYNs after the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub syns_sent_again: u32,
    /// Bytes written once it was opened; 0 where it was for its handshake alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes_written: u32,
    /// Segments sent again once it was opened.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub segments_sent_again: u32,
    pub end: FlowEnd,
}

/// When and why a side connection was opened.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowRound {
    /// With the others, once the probe's own session had run whole.
    AtOnce,
    /// While the probe's own SYN was unanswered: one SYN.
    Early,
    /// Slowly, from a source port that got no answer before.
    Again,
    /// Slowly, from a source port that was not used before.
    Fresh,
    /// To a port that works, after the last SYN to one that does not answer.
    Control,
    /// To a port that worked, when the run was about to end.
    AtTheEnd,
}

/// How a side connection ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowEnd {
    /// Opened, and closed by both ends.
    Answered,
    /// No answer to its SYNs.
    Unanswered,
    /// Opened, and then nothing came, not even the answer to its close: what followed the handshake was lost.
    Stuck,
    /// Answered by RST or an ICMP error.
    TurnedAway,
    /// This host could not send it: its source port was taken, or the run was ended.
    NotSent,
}

impl Flow {
    /// No answer came, to the SYN or to what followed.
    pub fn is_dead(&self) -> bool {
        matches!(self.end, FlowEnd::Unanswered | FlowEnd::Stuck)
    }

    pub fn is_answered(&self) -> bool {
        self.end == FlowEnd::Answered
    }

    /// Answered, but not its first SYN.
    fn is_late(&self) -> bool {
        self.is_answered() && self.syns_sent_again > 0
    }

    /// Its SYNs, and how many of them got no answer. Of one that got stuck, what followed the handshake counts instead of
    /// the SYN that was answered: the first segment, and once what was sent again, which shares a second.
    fn packets(&self) -> Trials {
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
}

impl Flow {
    /// Its SYNs, and how many of them were lost or turned away.
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

/// What the side connections of one probe show.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowAccount {
    /// Opened from source ports of their own, the probe's own session among them.
    pub opened: Trials,
    /// Source ports that never got an answer, in ascending order.
    pub dead: Vec<u16>,
    /// How many of these were opened, and lost what followed.
    pub stuck: usize,
    /// Connections that carried bytes, or were to.
    pub with_bytes: usize,
    /// Source ports that did.
    pub answered: Vec<u16>,
    /// Source ports of those that were answered, but not at the first SYN.
    pub late: Vec<u16>,
    /// Of those dialled again from the same source port.
    pub again: Trials,
    /// Of those dialled as slowly from other source ports.
    pub fresh: Trials,
    /// The odds that the SYNs dialled slowly were lost without regard to their source port; absent where none was.
    pub odds: Option<f64>,
}

impl FlowAccount {
    /// Absent where no side connection was opened to the probe's own port.
    pub fn of(probe: &Measurement) -> Option<Self> {
        let port = probe.port_dialled();
        let own = || probe.flows.iter().filter(|f| f.port == port);
        let sent = || own().filter(|f| f.end != FlowEnd::NotSent);
        let first = || sent().filter(|f| matches!(f.round, FlowRound::AtOnce | FlowRound::Early));
        first().next()?;
        let of_round = |round: FlowRound| sent().filter(move |f| f.round == round);
        let answered_ever =
            |source: u16| sent().any(|f| f.source_port == source && f.is_answered());
        let count = |round| Trials::count(of_round(round).map(Flow::is_dead));
        let packets = |round| {
            of_round(round)
                .map(Flow::packets)
                .fold(Trials::default(), Trials::and)
        };
        let (again, fresh) = (packets(FlowRound::Again), packets(FlowRound::Fresh));
        let mut dead: Vec<u16> = first()
            .filter(|f| f.is_dead() && !answered_ever(f.source_port))
            .map(|f| f.source_port)
            .collect();
        let mut answered: Vec<u16> = sent()
            .filter(|f| f.is_answered())
            .map(|f| f.source_port)
            .collect();
        dead.sort_unstable();
        answered.sort_unstable();
        answered.dedup();
        let lost = probe.met_silence()
            || probe.redial == Some(Redial::SourcePort)
            || (probe.connected() && probe.died_in_silence());
        let session = Trials {
            failed: usize::from(lost),
            all: 1,
        };
        let stuck = first().filter(|f| f.end == FlowEnd::Stuck && dead.contains(&f.source_port));
        Some(Self {
            opened: Trials::count(first().map(Flow::is_dead)).and(session),
            stuck: stuck.count(),
            with_bytes: first().filter(|f| f.bytes_written > 0).count(),
            dead,
            answered,
            late: first()
                .filter(|f| f.is_late())
                .map(|f| f.source_port)
                .collect(),
            again: count(FlowRound::Again),
            fresh: count(FlowRound::Fresh),
            odds: (again.all > 0 && fresh.all > 0).then(|| odds::by_chance(again, fresh)),
        })
    }

    /// Dialling on would not make the odds any clearer: they are below the threshold.
    pub fn is_settled(&self) -> bool {
        self.odds.is_some_and(|odds| odds < odds::THRESHOLD)
    }

    /// Source ports that get no answer get none again, while others do, and chance does not explain it.
    pub fn shows_a_fault_by_flow(&self) -> bool {
        let stays = self.again.failed > 0 && !self.dead.is_empty() && !self.answered.is_empty();
        stays && self.odds.is_some_and(|odds| odds < odds::THRESHOLD)
    }

    /// Connections whose first SYN got no answer, and the odds that ordinary loss leaves so many.
    pub fn lost(&self) -> (Trials, f64) {
        let lost = Trials {
            failed: self.opened.failed + self.late.len(),
            all: self.opened.all,
        };
        (lost, odds::at_a_rate(lost, odds::ORDINARY_LOSS))
    }

    /// The same, where ordinary loss does not explain it.
    pub fn loses_more_than_ordinary(&self) -> Option<(Trials, f64)> {
        let (lost, odds) = self.lost();
        (lost.failed > 1 && odds < odds::THRESHOLD).then_some((lost, odds))
    }

    /// The source port that parts those without an answer from those with one, where one does and chance does not
    /// explain it: whether the dead ones are below, and the two ports between which it lies.
    pub fn border(&self) -> Option<(bool, u16, u16)> {
        let (dead, answered) = (&self.dead, &self.answered);
        let (lowest, highest) = (dead.first()?, dead.last()?);
        let (first, last) = (answered.first()?, answered.last()?);
        let suspects = Trials {
            failed: dead.len(),
            all: dead.len(),
        };
        let others = Trials {
            failed: 0,
            all: answered.len(),
        };
        // Either side would do.
        if odds::by_chance(suspects, others) * 2.0 >= odds::THRESHOLD {
            return None;
        }
        if highest < first {
            return Some((true, *highest, *first));
        }
        (last < lowest).then_some((false, *last, *lowest))
    }
}

/// By then either end has sent again what was not acknowledged (RFC 6298 section 2.4: after a second at most, where
/// round trips are known to be shorter).
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
