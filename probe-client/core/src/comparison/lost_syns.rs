//! Finds the probes whose SYNs were not let in and for which the pace of dialling may be the reason.

use crate::flow::FlowAccount;
use crate::measurement::{Flow, FlowEnd, FlowRound, Measurement, Redial};
use crate::observation::Operation;

/// Returns the indices of the `probes` that are worth dialling slowly.
///
/// Their SYNs were not let in, or were lost, while other ports of the same server accepted connections. Those that
/// never connected come first.
///
/// The `control_port` is dialled first, so it may be the only port that a limit let in.
pub fn lost_syns(probes: &[Measurement], control_port: &Measurement) -> Vec<usize> {
    let connected = |m: &Measurement| m.succeeded(Operation::Connect);
    let another_was_let_in = probes.iter().chain([control_port]).any(connected);
    let which = |wanted: &dyn Fn(&Measurement) -> bool| -> Vec<usize> {
        let all = probes.iter().enumerate();
        all.filter(|(_, m)| wanted(m)).map(|(i, _)| i).collect()
    };
    let never = which(&|m| another_was_let_in && (m.was_turned_away() || m.met_silence()));
    let late = which(&|m| m.ran_whole() && (m.syns_sent_again() > 0 || was_redialled(m)));
    // One late SYN is an ordinary lost packet.
    if never.is_empty() && late.len() < 2 {
        return Vec::new();
    }
    // If the pace is already excluded, further SYNs would only make a firewall suspicious.
    let decided = late.is_empty()
        && never
            .iter()
            .all(|index| not_let_in_beside_an_answer(&probes[*index]))
        && !probes.iter().any(loses_side_connections);
    if decided {
        return Vec::new();
    }
    [never, late].concat()
}

fn was_redialled(probe: &Measurement) -> bool {
    probe.redial == Some(Redial::SourcePort)
}

/// Returns whether none of the probe's first SYNs was let in, although a SYN to another port was let in right after
/// them. No pace explains that.
fn not_let_in_beside_an_answer(probe: &Measurement) -> bool {
    let of_round = |round: FlowRound| probe.flows.iter().filter(move |f| f.round == round);
    (probe.met_silence() || probe.was_turned_away())
        && of_round(FlowRound::Early).count() > 1
        && !of_round(FlowRound::Early).any(Flow::is_let_in)
        && of_round(FlowRound::Control).any(Flow::is_let_in)
}

/// Returns whether the port works although side connections to it were turned away, or lost more often than ordinary
/// loss explains.
pub fn loses_side_connections(probe: &Measurement) -> bool {
    let turned_away = probe.flows.iter().any(|f| f.end == FlowEnd::TurnedAway);
    let account = FlowAccount::of(probe);
    let loses = account.is_some_and(|account| account.loses_more_than_ordinary().is_some());
    probe.ran_whole() && (turned_away || loses)
}
