//! Which probes were not let in in a way that the pace of dialling could explain.

use crate::measurement::Measurement;
use crate::observation::Operation;

/// The indices of `probes` that are worth dialling slowly: they were not let in, or lost SYNs, while other
/// ports of the same server took connections. Those that never connected come first.
pub fn lost_syns(probes: &[Measurement]) -> Vec<usize> {
    let connected = |m: &Measurement| m.succeeded(Operation::Connect);
    if !probes.iter().any(connected) {
        return Vec::new();
    }
    let which = |wanted: &dyn Fn(&Measurement) -> bool| -> Vec<usize> {
        let all = probes.iter().enumerate();
        all.filter(|(_, m)| wanted(m)).map(|(i, _)| i).collect()
    };
    let never = which(&|m| m.met_silence() || m.was_turned_away());
    let late = which(&|m| m.ran_whole() && m.syns_sent_again() > 0);
    // One late SYN is a lost packet.
    if never.is_empty() && late.len() < 2 {
        return Vec::new();
    }
    [never, late].concat()
}
