//! Decides which ports get side connections, and from which source port the next one is opened.

use std::vec::IntoIter;

use crate::flow::FlowAccount;
use crate::measurement::{Flow, FlowRound, Measurement, Variation};

/// Returns the number of side connections for each port that works, if there are `ports` ports. `flows` is the number of
/// connections to each port that the user asked for, the session included.
///
/// The more ports there are, the fewer each gets, so that a clean run stays within seconds. A fault that affects one
/// flow in four on all ports is still found, because each session has a source port of its own.
pub fn side_connections(flows: Option<usize>, ports: usize) -> usize {
    match flows {
        Some(flows) => flows.saturating_sub(1),
        None => (OF_A_RUN / ports.max(1)).min(OF_A_PORT),
    }
}

/// Number of side connections to a port. Together with the session they find a fault of one flow in four with a
/// probability of 96.8 %.
const OF_A_PORT: usize = 11;

/// Maximum number of side connections to all ports that work: the burst of 100, and two seconds at 50 a second.
const OF_A_RUN: usize = 200;

/// Returns whether side connections can show more about `measurement`. They can if the session ran whole. They also can
/// if it died in silence and a fresh session ran whole, since the first one's source port may then be the cause.
pub fn worth_more(measurement: &Measurement) -> bool {
    let fresh_passes = || {
        let mut fresh = measurement.compared(Variation::InNothing);
        fresh.any(Measurement::ran_whole)
    };
    let died = measurement.connected() && measurement.died_in_silence();
    measurement.ran_whole() || (died && measurement.flows.is_empty() && fresh_passes())
}

/// Returns whether one source port got no answer, another did, and none has been dialled again yet. If no source port
/// gets an answer, the source port is not the cause.
pub fn not_settled(measurement: &Measurement) -> bool {
    let flows = &measurement.flows;
    flows.iter().any(Flow::is_dead)
        && flows.iter().any(|f| is_own(measurement, f))
        && !flows.iter().any(|f| f.round == FlowRound::Again)
}

/// Returns whether `flow` was answered on the probe's own port.
fn is_own(measurement: &Measurement, flow: &Flow) -> bool {
    flow.is_answered() && flow.port == measurement.port_dialled()
}

/// The order in which source ports without an answer are dialled again, slowly, alternating with new source ports.
/// Random loss and limits do not depend on the source port.
#[derive(Clone, Debug)]
pub struct Turns {
    /// Source ports that have not been answered so far.
    dead: Vec<u16>,
    fresh: IntoIter<u16>,
    turn: usize,
    /// The number of new source ports in a row that were not answered.
    unanswered: usize,
    /// The connection that the last call returned.
    last: Option<Turn>,
}

/// One connection of a turn.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// The connection uses a new source port; the `dead` one is next.
    Fresh {
        dead: u16,
    },
    Again {
        dead: u16,
    },
}

impl Turns {
    /// Starts with the dead source ports of `probe`. `fresh` are [`TURNS`] new ones.
    pub fn new(probe: &Measurement, fresh: Vec<u16>) -> Self {
        let dead = probe.flows.iter().filter(|f| f.is_dead());
        Self {
            dead: dead.map(|f| f.source_port).collect(),
            fresh: fresh.into_iter(),
            turn: 0,
            unanswered: 0,
            last: None,
        }
    }

    /// Returns the round and source port of the next connection; `None` if more would show nothing new. The last flow
    /// of `probe` must be the connection that the previous call returned.
    pub fn next(&mut self, probe: &Measurement) -> Option<(FlowRound, u16)> {
        let answered = probe.flows.last().is_some_and(Flow::is_answered);
        match self.last {
            Some(Turn::Fresh { dead }) => {
                self.unanswered = if answered { 0 } else { self.unanswered + 1 };
                let settled = FlowAccount::of(probe).is_some_and(|account| account.is_settled());
                // Stop once the answer is clear, or once nothing is answered any more: one new source port may be bad
                // too, but two in a row rarely are.
                if settled || self.unanswered > 1 {
                    return None;
                }
                self.last = Some(Turn::Again { dead });
                return Some((FlowRound::Again, dead));
            }
            Some(Turn::Again { dead }) if answered => self.dead.retain(|port| *port != dead),
            Some(Turn::Again { .. }) | None => {}
        }
        let dead = *self.dead.get(self.turn % self.dead.len().max(1))?;
        let fresh = self.fresh.next()?;
        self.turn += 1;
        self.last = Some(Turn::Fresh { dead });
        Some((FlowRound::Fresh, fresh))
    }
}

/// Maximum number of new source ports, alternating with dead ones. Four turns are enough if all new ones pass: six lost
/// SYNs against four answered ones happen by chance in 1 of 210 cases.
pub const TURNS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::FlowEnd;
    use crate::recorded::Recorded;

    #[test]
    fn many_ports_share_the_side_connections_of_a_run() {
        for (ports, each) in [
            (0, 11),
            (7, 11),
            (18, 11),
            (19, 10),
            (40, 5),
            (200, 1),
            (400, 0),
        ] {
            assert_eq!(side_connections(None, ports), each, "{ports}");
            assert!(side_connections(None, ports) * ports <= OF_A_RUN);
        }
        assert_eq!(side_connections(Some(50), 400), 49);
        assert_eq!(side_connections(Some(1), 7), 0);
    }

    #[test]
    fn dead_and_new_source_ports_take_turns_until_it_is_settled() {
        let ends = |source_port| match source_port {
            DEAD => FlowEnd::Unanswered,
            _ => FlowEnd::Answered,
        };
        assert_eq!(dialled(ends), [101, DEAD, 102, DEAD, 103, DEAD, 104]);
    }

    #[test]
    fn a_port_that_answers_no_new_source_port_either_is_left_alone() {
        assert_eq!(dialled(|_| FlowEnd::Unanswered), [101, DEAD, 102]);
    }

    /// Returns the source ports that are dialled after one got no answer, if connections end as `ends` says.
    fn dialled(ends: impl Fn(u16) -> FlowEnd) -> Vec<u16> {
        let mut probe = probe();
        probe.flows = vec![flow(&probe, FlowRound::AtOnce, DEAD, FlowEnd::Unanswered)];
        let mut turns = Turns::new(&probe, (101..108).collect());
        let mut dialled = Vec::new();
        while let Some((round, source_port)) = turns.next(&probe) {
            dialled.push(source_port);
            let flow = flow(&probe, round, source_port, ends(source_port));
            probe.flows.push(flow);
        }
        dialled
    }

    const DEAD: u16 = 1;

    fn flow(probe: &Measurement, round: FlowRound, source_port: u16, end: FlowEnd) -> Flow {
        Flow {
            round,
            port: probe.port_dialled(),
            source_port,
            start_us: 0,
            duration_us: 0,
            syns_sent_again: u32::from(end == FlowEnd::Unanswered),
            bytes_written: 0,
            segments_sent_again: 0,
            end,
        }
    }

    fn probe() -> Measurement {
        let document = Recorded::read(include_str!("../../tests/scenarios/demo.json"));
        document.probes.into_iter().next().unwrap().measurement
    }
}
