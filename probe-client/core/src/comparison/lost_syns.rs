//! Which probes lost SYNs in a way that the pace of dialling could explain.

use crate::measurement::Measurement;
use crate::observation::{FailureKind, Operation, Origin};

/// The indices of `probes` that are worth dialling slowly: SYNs of theirs were not answered, while other
/// ports of the same server took connections. Those that never connected come first.
pub fn lost_syns(probes: &[Measurement]) -> Vec<usize> {
    let silent = |m: &Measurement| {
        m.failure().is_some_and(|(operation, failure)| {
            operation == Operation::Connect
                && failure.kind == FailureKind::TimedOut
                && failure.origin == Origin::Unknown
        })
    };
    let connected = |m: &&Measurement| m.succeeded(Operation::Connect);
    if !probes.iter().any(|m| connected(&m)) {
        return Vec::new();
    }
    let which = |wanted: &dyn Fn(&Measurement) -> bool| -> Vec<usize> {
        let all = probes.iter().enumerate();
        all.filter(|(_, m)| wanted(m)).map(|(i, _)| i).collect()
    };
    let never = which(&silent);
    let late = which(&|m| m.ran_whole() && m.syns_sent_again() > 0);
    // One late SYN is a lost packet.
    if never.is_empty() && late.len() < 2 {
        return Vec::new();
    }
    [never, late].concat()
}
