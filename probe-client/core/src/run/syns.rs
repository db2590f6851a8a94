//! Computes when a probe's SYNs were sent: the server's answer about them depends on whether it was watching by then.

use crate::measurement::{FlowEnd, Measurement};
use crate::observation::{Observation, Operation};

/// Returns the number of SYNs sent from `since_us` on, including those of the probe's variations and side connections.
pub fn syns_since(measurement: &Measurement, since_us: u64) -> u32 {
    let sent = syns(measurement).filter(|at| *at >= since_us).count();
    u32::try_from(sent).unwrap_or(u32::MAX)
}

/// Returns when the last SYN was sent, including those of variations and side connections, in microseconds since the
/// run's start. The server's host soon forgets a SYN that it leaves unanswered, so a server that begins to watch later
/// cannot say that none came.
pub fn last_syn_us(measurement: &Measurement) -> u64 {
    syns(measurement).max().unwrap_or(0)
}

/// Returns when each SYN was sent, in microseconds since the run's start.
fn syns(measurement: &Measurement) -> impl Iterator<Item = u64> {
    let beside = measurement.variations.iter().map(|c| &c.measurement);
    let own = beside.chain([measurement]).filter_map(|m| {
        let connect = m.observations.iter().find(|o| connects(o))?;
        Some((connect.start_us, m.syn_times()))
    });
    let port = measurement.port_dialled();
    let side = measurement.flows.iter();
    let side = side.filter(move |flow| flow.port == port && flow.end != FlowEnd::NotSent);
    let side = side.map(|flow| (flow.start_us, flow.syn_times()));
    own.chain(side)
        .flat_map(|(first, sent)| sent.iter().map(move |after| first + after))
}

/// Returns whether `observation` is the step in which the server accepts the connection.
pub fn connects(observation: &Observation) -> bool {
    matches!(
        observation.operation,
        Operation::Connect | Operation::ProxyNegotiation
    )
}

#[cfg(test)]
mod tests {
    use crate::measurement::{Flow, FlowRound};
    use crate::observation::{Failure, FailureKind, Origin};
    use crate::recorded::Recorded;

    use super::*;

    #[test]
    fn side_connections_to_the_same_port_count_among_its_syns() {
        let mut silent = silent(2_500_000);
        assert_eq!(syns_since(&silent, 70_000), 1);
        let port = silent.port_dialled();
        let early = |port, end| Flow {
            round: FlowRound::Early,
            port,
            source_port: 40_000,
            start_us: 1_200_000,
            duration_us: 900_000,
            syns_sent_again: 0,
            bytes_written: 0,
            segments_sent_again: 0,
            end,
        };
        silent.flows = vec![
            early(port, FlowEnd::Unanswered),
            early(port, FlowEnd::Unanswered),
            early(port, FlowEnd::NotSent),
            early(port + 1, FlowEnd::Answered),
        ];
        assert_eq!(syns_since(&silent, 70_000), 3);
        assert_eq!(last_syn_us(&silent), 1_200_000);
    }

    #[test]
    fn the_kernels_count_decides_how_many_syns_were_sent() {
        let mut silent = silent(2_500_000);
        let failure = silent.observations[0].failure.as_mut().unwrap();
        failure.syns_sent = Some(3);
        assert_eq!(syns_since(&silent, 0), 3);
        assert_eq!(last_syn_us(&silent), 2_000_000);
    }

    /// Returns a probe whose SYNs, the first at the run's start, got no answer for `waited_us`.
    fn silent(waited_us: u64) -> Measurement {
        let document = Recorded::read(include_str!("../../tests/scenarios/demo.json"));
        let mut probe = document.probes.into_iter().next().unwrap().measurement;
        probe.observations.retain(connects);
        let connect = &mut probe.observations[0];
        (connect.start_us, connect.duration_us) = (0, waited_us);
        connect.failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
        probe
    }
}
