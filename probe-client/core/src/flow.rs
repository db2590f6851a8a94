//! Side connections from other source ports. They show whether the network treats some flows (connections that share
//! addresses and ports, RFC 2992) differently from the probe's own session. Each consists of a handshake, first bytes
//! like the session's, a close, and the server's close, which comes only if the bytes before it have arrived.
//!
//! A fault by flow (one of several parallel links, an asymmetric path, a race in connection tracking) stays with its
//! source port; random loss does not. So a connection without an answer is dialled again from the same source port.

use std::iter;

use crate::measurement::{Flow, FlowEnd, FlowRound, Measurement, Redial};
use crate::odds::{self, Trials};

/// Counts the side connections to ports that work, each opened right after the last SYN to a silent port. A connection
/// whose SYN got no answer counts as failed.
///
/// A connection that was opened and then lost what followed counts as answered: its SYN was let in.
pub fn controls<'a>(measurements: impl Iterator<Item = &'a Measurement> + Clone) -> Trials {
    let works = |port: u16| {
        let mut all = measurements.clone();
        // On a slow path the answer may have come too late.
        let fast = |m: &Measurement| {
            let round_trip = m.transport.and_then(|t| t.least_rtt_us);
            round_trip.is_some_and(|rtt| rtt < FAST_US)
        };
        all.any(|m| m.port_dialled() == port && m.ran_whole() && fast(m))
    };
    let flows = measurements.clone().flat_map(|m| &m.flows);
    let controls = flows.filter(|f| f.round == FlowRound::Control && f.end != FlowEnd::NotSent);
    let is_lost = |flow: &Flow| flow.end == FlowEnd::Unanswered;
    Trials::count(controls.filter(|f| works(f.port)).map(is_lost))
}

/// Returns whether side connections to ports that work show that SYNs of this host are lost because of their number or
/// pace. A silent port may then work as well.
pub fn side_connections_are_lost<'a>(
    measurements: impl Iterator<Item = &'a Measurement> + Clone,
) -> bool {
    controls_are_lost(measurements.clone()) || pace_loses(measurements)
}

/// Returns whether ports that work lost more SYNs, right after those to silent ports, than ordinary loss explains.
fn controls_are_lost<'a>(measurements: impl Iterator<Item = &'a Measurement> + Clone) -> bool {
    let controls = controls(measurements);
    controls.failed > 1 && odds::at_a_rate(controls, odds::ORDINARY_LOSS) < odds::THRESHOLD
}

/// Returns whether ports that work lost side connections that were opened at the same time, but not those that were opened
/// one after another, and chance does not explain the difference.
fn pace_loses<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> bool {
    let (mut at_once, mut slowly) = (Trials::default(), Trials::default());
    let works = measurements.filter(|m| m.ran_whole());
    let own = works.flat_map(|m| m.flows.iter().filter(|f| f.port == m.port_dialled()));
    for flow in own.filter(|f| f.end != FlowEnd::NotSent) {
        let trials = match flow.round {
            FlowRound::AtOnce => &mut at_once,
            FlowRound::Again | FlowRound::Fresh => &mut slowly,
            FlowRound::Early | FlowRound::Control | FlowRound::AtTheEnd => continue,
        };
        *trials = trials.and(Trials::count(iter::once(flow.is_dead())));
    }
    at_once.failed > 1 && odds::by_chance(at_once, slowly) < odds::THRESHOLD
}

/// The round-trip time, in microseconds, below which a side connection gets the answer to its only SYN in time.
const FAST_US: u64 = 250_000;

/// The conclusions from the side connections of one probe.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowAccount {
    /// Connections from different source ports, including the probe's own session; dead ones count as failed.
    pub opened: Trials,
    /// Source ports that never got an answer, in ascending order.
    pub dead: Vec<u16>,
    /// The number of dead source ports whose connection was opened, but lost the bytes after the handshake.
    pub stuck: usize,
    /// The number of connections that carried bytes, or were meant to.
    pub with_bytes: usize,
    /// Source ports that got an answer, in ascending order.
    pub answered: Vec<u16>,
    /// Source ports whose first SYN was not answered, but a later one was.
    pub late: Vec<u16>,
    /// Source ports of connections that were lost, and passed when they were dialled again.
    pub passed_again: Vec<u16>,
    /// Connections dialled again from the same source port; dead ones count as failed.
    pub again: Trials,
    /// Connections dialled equally slowly from other source ports; dead ones count as failed.
    pub fresh: Trials,
    /// The odds that SYNs dialled slowly were lost regardless of their source port; `None` if there were none to
    /// compare.
    pub odds: Option<f64>,
}

impl FlowAccount {
    /// Evaluates the side connections of a probe; `None` if none was opened to its own port.
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
            passed_again: first()
                .filter(|f| f.is_dead() && answered_ever(f.source_port))
                .map(|f| f.source_port)
                .collect(),
            again: count(FlowRound::Again),
            fresh: count(FlowRound::Fresh),
            odds: (again.all > 0 && fresh.all > 0).then(|| odds::by_chance(again, fresh)),
        })
    }

    /// Returns whether the odds are below the threshold, so that further connections would decide nothing more.
    pub fn is_settled(&self) -> bool {
        self.odds.is_some_and(|odds| odds < odds::THRESHOLD)
    }

    /// Returns whether source ports that got no answer get none again, while other source ports do, and chance does not
    /// explain it.
    pub fn shows_a_fault_by_flow(&self) -> bool {
        // A device that lost one connection midway, such as a SYN proxy, may keep state for it, which keeps its source
        // port dead for a while. Two at the same time are not an accident.
        if self.dead.len() == 1 && self.stuck == 1 {
            return false;
        }
        let stays = self.again.failed > 0 && !self.dead.is_empty() && !self.answered.is_empty();
        stays && self.odds.is_some_and(|odds| odds < odds::THRESHOLD)
    }

    /// Returns how many connections got no answer to their first SYN, and the odds that ordinary loss causes this many.
    pub fn lost(&self) -> (Trials, f64) {
        let lost = Trials {
            failed: self.opened.failed + self.late.len(),
            all: self.opened.all,
        };
        (lost, odds::at_a_rate(lost, odds::ORDINARY_LOSS))
    }

    /// Returns the same as [`lost`](Self::lost), if ordinary loss does not explain it.
    pub fn loses_more_than_ordinary(&self) -> Option<(Trials, f64)> {
        let (lost, odds) = self.lost();
        (lost.failed > 1 && odds < odds::THRESHOLD).then_some((lost, odds))
    }

    /// Returns the border between source ports with and without an answer, if there is one and chance does not explain
    /// it.
    ///
    /// The result says whether the dead ports are below the border, and between which two ports it lies.
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
        // The odds double because the dead ports could be on either side of the border.
        if odds::by_chance(suspects, others) * 2.0 >= odds::THRESHOLD {
            return None;
        }
        if highest < first {
            return Some((true, *highest, *first));
        }
        (last < lowest).then_some((false, *last, *lowest))
    }
}
