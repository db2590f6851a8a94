//! Which probes were not let in in a way that the pace of dialling could explain.

use crate::measurement::Measurement;
use crate::observation::Operation;

/// The indices of `probes` that are worth dialling slowly: they were not let in, or lost SYNs, while other
/// ports of the same server took connections. Those that never connected come first. What a limit turns away
/// it turns away for good, so that the `control_port` may be the only one that was let in.
pub fn lost_syns(probes: &[Measurement], control_port: &Measurement) -> Vec<usize> {
    let connected = |m: &Measurement| m.succeeded(Operation::Connect);
    let one_of_them = probes.iter().any(connected);
    let which = |wanted: &dyn Fn(&Measurement) -> bool| -> Vec<usize> {
        let all = probes.iter().enumerate();
        all.filter(|(_, m)| wanted(m)).map(|(i, _)| i).collect()
    };
    let never = which(&|m| {
        let turned_away = (one_of_them || connected(control_port)) && m.was_turned_away();
        turned_away || (one_of_them && m.met_silence())
    });
    let late = which(&|m| m.ran_whole() && m.syns_sent_again() > 0);
    // One late SYN is a lost packet.
    if never.is_empty() && late.len() < 2 {
        return Vec::new();
    }
    [never, late].concat()
}
