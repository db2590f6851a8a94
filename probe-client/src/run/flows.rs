//! Opens side connections from other source ports: after each port's session, early if its SYN is not let in, and
//! slowly again if some side connections got no answer. They show faults that affect only some flows, for example one
//! session in four.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use probe_core::measurement::{Flow, FlowEnd, FlowRound, Measurement};
use probe_core::plan::PlannedProbe;
use probe_core::run::budget::BUDGET;
use probe_core::run::flow_order::{TURNS, Turns, not_settled, side_connections, worth_more};
use probe_core::run::schedule::SideResult;
use tokio::time::{Instant, sleep_until};

use super::{Run, ServerRun, task};
use crate::destination::Destination;
use crate::flow::{SideCall, source_ports};
use crate::probe::opening;
use crate::progress::Progress;

mod openings;

pub(super) use openings::SideOpenings;

/// The ports to which side connections have been assigned.
#[derive(Debug, Default)]
pub(super) struct Ports(BTreeSet<SocketAddr>);

impl Ports {
    /// Returns the address for the side connections of `planned`; `None` if another rule for the same port has them
    /// already, or if `planned` calls for none.
    pub(super) fn of(
        &mut self,
        planned: &PlannedProbe,
        destination: &Destination,
    ) -> Option<SocketAddr> {
        let address = destination.socket(planned.dialled.get())?;
        let direct = destination.path().is_direct() && planned.silence.is_none();
        (direct && self.0.insert(address)).then_some(address)
    }
}

/// Returns the number of side connections for each port that works, if the run leads to these destinations.
pub(super) fn count(run: &Run, destinations: &[Destination]) -> usize {
    let direct = destinations.iter().filter(|d| d.path().is_direct());
    let plan = &run.config.plan;
    let ports = direct.map(|d| plan.over(&d.path(), &d.host).count());
    side_connections(run.config.flows, ports.sum())
}

/// Adds `count` side connections to a session that ran whole.
pub(super) async fn beside(
    run: &Run,
    address: SocketAddr,
    count: usize,
    first_bytes: impl FnOnce() -> Arc<[u8]>,
    measurement: &mut Measurement,
) {
    // Do not add to the queue of a line that is already slow.
    let slow = run.context.options.line.is_slow();
    if count == 0 || slow || !worth_more(measurement) {
        return;
    }
    let first_bytes = first_bytes();
    let idle_timeout = BUDGET.two_syns + round_trip(run, address.ip()) * 3;
    let calls = source_ports(count).into_iter().map(|source_port| {
        let call = run.side_call(FlowRound::AtOnce, address, source_port, idle_timeout);
        run.dial_in_turn(SideCall {
            first_bytes: Arc::clone(&first_bytes),
            ..call
        })
    });
    measurement.flows.extend(join_all(calls).await);
}

/// Adds `count` side connections with one SYN each, all at the same time.
pub(super) async fn at_once(run: &Run, measurement: &mut Measurement, count: usize) {
    let Some(address) = measurement.address else {
        return;
    };
    let calls = source_ports(count).into_iter().map(|source_port| {
        let call = run.side_call(FlowRound::AtOnce, address, source_port, BUDGET.one_syn);
        run.dial_in_turn(call)
    });
    measurement.flows.extend(join_all(calls).await);
}

/// Adds one side connection from a new source port, and waits until the next may begin.
pub(super) async fn fresh(run: &Run, measurement: &mut Measurement) {
    let Some(address) = measurement.address else {
        return;
    };
    for source_port in source_ports(1) {
        let call = run.side_call(FlowRound::Fresh, address, source_port, BUDGET.two_syns);
        slowly(run, call, measurement).await;
    }
}

/// Opens a few side connections with one SYN each to `address`, which lets no SYN in, and then one to a port that
/// works. Together with the SYNs of a silent session, [`BEFORE_A_CONCLUSION`] SYNs go to `address`.
pub(super) async fn early(run: &Run, address: SocketAddr) -> (Vec<Flow>, SideResult) {
    let port_states = &run.context.options.port_states;
    let idle_timeout = BUDGET.for_one_syn(round_trip(run, address.ip()));
    let calls = source_ports(EARLY).into_iter().map(|source_port| {
        run.dial_in_turn(run.side_call(FlowRound::Early, address, source_port, idle_timeout))
    });
    let mut flows = join_all(calls).await;
    if flows.iter().any(Flow::is_let_in) && port_states.is_silent(address) {
        // The session's SYNs may be lost because of their source port or their mark; a new attempt changes both.
        port_states.doubt(address);
    }
    let sent = || flows.iter().filter(|f| f.end != FlowEnd::NotSent);
    let none_let_in = sent().count() > 0 && !sent().any(Flow::is_let_in);
    let works = port_states.references(address.ip());
    let Some((works, _)) = works.first().filter(|_| none_let_in) else {
        return (flows, SideResult::Undecided);
    };
    let works = SocketAddr::new(address.ip(), *works);
    let mut beside = SideResult::Undecided;
    for source_port in source_ports(1) {
        let call = run.side_call(FlowRound::Control, works, source_port, BUDGET.one_syn);
        let control = run.dial_in_turn(call).await;
        // On a slow path the session's own SYNs may still be answered.
        let is_fast = Duration::from_micros(control.duration_us) < BUDGET.fast_handshake;
        if control.is_let_in() && is_fast {
            beside = SideResult::Decided;
        }
        flows.push(control);
    }
    (flows, beside)
}

/// Dials again, slowly, from source ports that got no answer, alternating with new source ports. Random loss and limits
/// do not depend on the source port.
pub(super) async fn settle(run: &Run, server: &mut ServerRun, progress: &Progress) {
    let wanted = with_first_bytes(run, server, not_settled);
    if wanted.is_empty() {
        return;
    }
    progress.say("dialling again from source ports that got no answer");
    let all = join_all(wanted.into_iter().map(|(m, bytes)| in_turn(run, m, bytes)));
    run.context.cancelled.run_until_cancelled(all).await;
}

/// Opens side connections to ports on which some sessions died after they had connected and others did not, and dials
/// again from the source ports that got no answer.
pub(super) async fn where_sessions_die_at_times(
    run: &Run,
    server: &mut ServerRun,
    progress: &Progress,
) {
    let wanted = with_first_bytes(run, server, |m| !m.ran_whole() && worth_more(m));
    let count = side_connections(run.config.flows, MAX_PORTS);
    let opened = join_all(wanted.into_iter().filter_map(|(m, bytes)| {
        let address = m.address?;
        Some(async move { beside(run, address, count, || bytes, m).await })
    }))
    .await;
    if !opened.is_empty() {
        settle(run, server, progress).await;
    }
}

/// Returns the first [`MAX_PORTS`] probes of `server` that are `wanted`, each with the first bytes of its side
/// connections.
fn with_first_bytes<'a>(
    run: &Run,
    server: &'a mut ServerRun,
    wanted: impl Fn(&Measurement) -> bool,
) -> Vec<(&'a mut Measurement, Arc<[u8]>)> {
    let destination = Arc::clone(&server.destination);
    let path = destination.path();
    let planned = run.config.plan.over(&path, &destination.host);
    let probes = server.result.probes.iter_mut().zip(planned);
    let wanted = probes.filter(|(m, _)| wanted(m)).take(MAX_PORTS);
    wanted
        .map(|(m, planned)| (m, first_bytes(run, planned, &destination)))
        .collect()
}

/// Returns the first bytes of a side connection to the port of `planned`; none if its address is unknown.
pub(super) fn first_bytes(
    run: &Run,
    planned: &PlannedProbe,
    destination: &Arc<Destination>,
) -> Arc<[u8]> {
    let Some(address) = destination.socket(planned.dialled.get()) else {
        return Arc::default();
    };
    let key = (destination.host.clone(), address, planned.rule.id.clone());
    let make = || opening::first_bytes(task::of(run, planned, destination), &run.context);
    run.side_openings.of(key, make)
}

async fn in_turn(run: &Run, measurement: &mut Measurement, first_bytes: Arc<[u8]>) {
    let Some(address) = measurement.address else {
        return;
    };
    let idle_timeout = BUDGET.two_syns + round_trip(run, address.ip()) * 3;
    let mut turns = Turns::new(measurement, source_ports(TURNS));
    let ends = Instant::now() + BUDGET.dialled_by_flow;
    while let Some((round, source_port)) = turns.next(measurement) {
        if run.context.cancelled.is_cancelled() || Instant::now() >= ends {
            return;
        }
        let call = SideCall {
            first_bytes: Arc::clone(&first_bytes),
            ..run.side_call(round, address, source_port, idle_timeout)
        };
        slowly(run, call, measurement).await;
    }
}

/// Dials once, and waits until the next dial may begin.
async fn slowly(run: &Run, call: SideCall, measurement: &mut Measurement) {
    let next = Instant::now() + BUDGET.spacing;
    let flow = run.dial_in_turn(call).await;
    measurement.flows.push(flow);
    sleep_until(next).await;
}

/// Dials again a port that worked, if other ports failed: a device may have started to block this host because of the
/// run itself.
pub(super) async fn at_the_end(run: &Run, server: &mut ServerRun) {
    let whole = |m: &&Measurement| m.ran_whole();
    let works = server
        .result
        .probes
        .iter()
        .chain([&server.result.reference_probe])
        .find(whole);
    let Some(address) = works.and_then(|m| m.address) else {
        return;
    };
    let failed = server.result.probes.iter_mut().find(|m| m.met_silence());
    let Some(failed) = failed.filter(|_| !run.context.cancelled.is_cancelled()) else {
        return;
    };
    let idle_timeout = BUDGET.two_syns + round_trip(run, address.ip()) * 3;
    // The second source port is for a fault that stops the flow of the first.
    for source_port in source_ports(2) {
        let call = run.side_call(FlowRound::AtTheEnd, address, source_port, idle_timeout);
        let flow = run.dial_in_turn(call).await;
        failed.flows.push(flow);
        if flow.end != FlowEnd::Unanswered {
            return;
        }
    }
}

impl Run {
    fn side_call(
        &self,
        round: FlowRound,
        address: SocketAddr,
        source_port: u16,
        idle_timeout: Duration,
    ) -> SideCall {
        SideCall {
            round,
            address,
            bind: self.context.options.bind,
            source_port,
            first_bytes: Arc::default(),
            idle_timeout: idle_timeout.min(self.context.options.idle_timeout),
        }
    }

    async fn dial_in_turn(&self, call: SideCall) -> Flow {
        let rate = match call.round {
            FlowRound::Early | FlowRound::Control => &self.early_rate,
            FlowRound::AtOnce | FlowRound::Again | FlowRound::Fresh | FlowRound::AtTheEnd => {
                &self.side_rate
            }
        };
        rate.turn(self.context.clock).await;
        call.dial(self.context.clock).await
    }
}

/// Returns the longest round trip to `server` that sessions measured; only sessions that ran whole count.
fn round_trip(run: &Run, server: IpAddr) -> Duration {
    let references = run.context.options.port_states.references(server);
    let slowest = references.iter().map(|(_, r)| r.round_trip).max();
    slowest.unwrap_or(BUDGET.unknown_round_trip)
}

/// Number of SYNs to a silent port before anything is concluded: two from the probe itself, a second apart, and four
/// from side connections. The number is small because firewalls that ban a source count SYNs.
const BEFORE_A_CONCLUSION: usize = 6;
const EARLY: usize = BEFORE_A_CONCLUSION - 2;

/// Maximum number of ports of one server that are dialled again slowly, in parallel.
const MAX_PORTS: usize = 4;
