//! Asks the server for its sightings of the probes that did not run to their end.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use probe_core::control_record::ServerDescription;
use probe_core::measurement::{Measurement, SightingAnswer};
use probe_core::path::NetworkPath;
use probe_core::run::answer::{self, in_doubt, without_absences};
use probe_core::run::question::{Clocks, sent};
use proto::wire;

use super::control_session::ControlSession;
use super::{Run, ServerResult, instances, second_look};
use crate::progress::Progress;

impl Run {
    /// Returns this run's clock now, and that of the instance that described itself as `description`.
    fn clocks(&self, description: &ServerDescription) -> Clocks {
        let clock = self.context.clock;
        Clocks::new(clock.unix_ms(0), clock.now_us(), description)
    }
}

/// Adds the server's answer to every measurement of `results` that was dialled and did not run to its end. A
/// measurement without an answer is left unchanged.
pub(super) async fn ask(run: &Run, results: &mut [ServerResult], progress: &Progress) {
    for index in 0..results.len() {
        if !open(&mut results[index]).is_empty() {
            progress.say("asking the server what it saw");
            let asking = ask_about(run, results, index);
            // Some measurements stay without an answer if the user ends the run first.
            run.context.cancelled.run_until_cancelled(asking).await;
        }
    }
}

/// Asks about `results[index]` over its own control channel, or over that of another path to the same host: a match by
/// digest needs no address.
async fn ask_about(run: &Run, results: &mut [ServerResult], index: usize) {
    let Some(asked) = instances::to_be_asked(results, index) else {
        return;
    };
    let elsewhere = asked != index && !instances::is_same_server(&results[asked], &results[index]);
    let first = results[asked].control_sessions.len();
    put(run, results, index, asked, 0).await;
    let wanted = instances::unasked(
        instances::same_server(results, index),
        &results[asked].control_sessions,
    );
    let mut answers = open(&mut results[index]).into_iter();
    let unseen = answers.any(|m| m.sighting.as_ref().is_some_and(|a| a.sightings.is_empty()));
    drop(answers);
    let ended = instances::ended(&results[asked].control_sessions);
    // A slow line cannot carry more connections in time, so absence is not proved there.
    let slow = run.context.options.line.is_slow();
    if !slow && (unseen || !wanted.is_empty() || ended) {
        let most = if ended { RESTARTED } else { usize::MAX };
        let looks = instances::looks(&results[asked]).min(most);
        let wanted = instances::may_be_there(&results[asked], wanted);
        instances::meet(run, &mut results[asked], wanted, looks).await;
        put(run, results, index, asked, first).await;
    }
    let unasked = instances::unasked(
        instances::same_server(results, index),
        &results[asked].control_sessions,
    );
    let doubt = slow || !unasked.is_empty() || results[asked].control.lacks_an_instance();
    let result = &mut results[index];
    result.control.unasked = unasked.into_iter().collect();
    if doubt {
        in_doubt(open(result));
    }
    if elsewhere {
        without_absences(open(result));
    }
}

/// Dials silent ports again while the server watches, if it began to watch too late for the first SYNs, and asks it
/// once more.
pub(super) async fn ask_again(run: &Run, results: &mut [ServerResult], progress: &Progress) {
    for index in 0..results.len() {
        let asked = instances::to_be_asked(results, index);
        let control_sessions = asked.map_or(&[][..], |asked| &results[asked].control_sessions);
        let sees_half_open = control_sessions
            .iter()
            .any(|w| w.description.sees_half_open);
        let sees_every_syn = control_sessions
            .iter()
            .any(|w| w.description.sees_every_syn);
        let looks = sees_half_open || sees_every_syn;
        if looks && second_look::dial(run, &mut results[index], sees_every_syn, progress).await {
            let take = |m: &mut Measurement| m.sighting.take();
            let before: Vec<_> = open(&mut results[index]).into_iter().map(take).collect();
            let asking = ask_about(run, results, index);
            // Some measurements stay without an answer if the user ends the run first.
            run.context.cancelled.run_until_cancelled(asking).await;
            // If the channel has failed meanwhile, the earlier answer still counts.
            for (measurement, before) in open(&mut results[index]).into_iter().zip(before) {
                measurement.sighting = measurement.sighting.take().or(before);
            }
        }
    }
}

/// Asks the control sessions of `results[asked]`, from index `first` on, about the open probes of `results[index]`.
async fn put(run: &Run, results: &mut [ServerResult], index: usize, asked: usize, first: usize) {
    let mut control_sessions = std::mem::take(&mut results[asked].control_sessions);
    let clocks = control_sessions[first..]
        .iter()
        .map(|w| run.clocks(&w.description));
    let others = clocks
        .map(|clocks| others(run, results, index, clocks))
        .collect();
    let bare = side_ports(results);
    let result = &mut results[index];
    // Many hosts may share a proxy's address, so a match by address proves nothing there.
    let by_address = asked == index && result.control.path.is_direct();
    inquire(
        run,
        &mut control_sessions[first..],
        open(result),
        others,
        (!by_address).then_some(&bare),
    )
    .await;
    results[asked].control_sessions = control_sessions;
}

/// Adds the server's answer to the variations that failed. Several of them come from one address at a time, so only
/// matches by digest count.
pub(super) async fn ask_beside(run: &Run, result: &mut ServerResult) {
    let mut control_sessions = std::mem::take(&mut result.control_sessions);
    let unasked = instances::unasked([&*result], &control_sessions);
    let bare = side_ports(std::slice::from_ref(result));
    if !control_sessions.is_empty() && !failed_beside(result).is_empty() {
        let others = control_sessions.iter();
        let others = others.map(|_| run.side_openings.sent(OTHERS)).collect();
        let failed = failed_beside(result);
        let asking = inquire(run, &mut control_sessions, failed, others, Some(&bare));
        run.context.cancelled.run_until_cancelled(asking).await;
        if !unasked.is_empty() || result.control.lacks_an_instance() {
            in_doubt(failed_beside(result));
        }
        result.control.unasked = unasked.into_iter().collect();
    }
    result.control_sessions = control_sessions;
}

fn failed_beside(result: &mut ServerResult) -> Vec<&mut Measurement> {
    let beside = result.probes.iter_mut().flat_map(|p| &mut p.variations);
    beside
        .map(|comparison| &mut comparison.measurement)
        .filter(|m| m.failure().is_some() && m.session.is_some())
        .collect()
}

/// Asks all `control_sessions` about `measurements`. Each of them is also told of its `others`, so that it does not
/// take those for one of these. With `bare`, a sighting that the server matched by address counts as another
/// connection's, unless it came from one of these source ports, which this run's side connections use.
async fn inquire(
    run: &Run,
    control_sessions: &mut [ControlSession],
    measurements: Vec<&mut Measurement>,
    others: Vec<Vec<wire::Sent>>,
    bare: Option<&BTreeSet<u16>>,
) {
    let about: Vec<&Measurement> = measurements.iter().map(|m| &**m).collect();
    let asking = control_sessions.iter_mut().zip(others);
    let same_ip_version = bare.is_none();
    let asking = asking.map(|(control_session, others)| {
        question(run, control_session, &about, same_ip_version, others)
    });
    let answers = join_all(asking).await;
    for (index, measurement) in measurements.into_iter().enumerate() {
        let all = answers
            .iter()
            .map(|answers| answers.get(index).cloned().flatten());
        let before = measurement.sighting.take();
        measurement.sighting = answer::of_all(all, before, bare);
    }
}

/// Returns what one control session says about each of `measurements`. With `same_ip_version`, they were dialled at the
/// address at which the server is asked.
async fn question(
    run: &Run,
    control_session: &mut ControlSession,
    measurements: &[&Measurement],
    same_ip_version: bool,
    others: Vec<wire::Sent>,
) -> Vec<Option<SightingAnswer>> {
    let ControlSession {
        channel,
        description,
        since_us,
        lost,
    } = control_session;
    let tagged = measurements.iter().zip(0..);
    let clocks = run.clocks(description);
    let mut sent: Vec<wire::Sent> = tagged
        .clone()
        .flat_map(|(m, tag)| sent(m, tag, clocks))
        .map(|sent| wire::Sent {
            same_ip_version,
            ..sent
        })
        .collect();
    sent.extend(others);
    sent.truncate(MAX_SENT);
    let request = wire::WatchSightingsRequest {
        run_id: run.run_id.to_vec(),
        sent,
        follow_ms: FOLLOW_MS,
    };
    let answers = match channel.sightings(&request).await {
        Ok(answers) => answers,
        Err(failure) => {
            *lost = Some(failure.kind);
            Vec::new()
        }
    };
    tagged
        .map(|(measurement, tag)| {
            let mine: Vec<&wire::Sighting> = answers.iter().filter(|a| a.tag == tag).collect();
            answer::of_instance(&mine, measurement, description, *since_us)
        })
        .collect()
}

/// Returns the measurements that were dialled and did not run to their end.
fn open(result: &mut ServerResult) -> Vec<&mut Measurement> {
    result
        .probes
        .iter_mut()
        .chain(std::iter::once(&mut result.reference_probe))
        .filter(|m| !m.is_complete() && reached_out(m))
        .collect()
}

/// Returns whether anything may have arrived at the server.
fn reached_out(measurement: &Measurement) -> bool {
    match measurement.path {
        NetworkPath::Direct => measurement.address.is_some(),
        NetworkPath::Proxy(_) => measurement.connected(),
    }
}

/// Returns the sessions that belong to none of the open probes: those of other paths to the same host, and the
/// variations of probes. The server leaves them out when it matches by address, since they may share one.
fn others(run: &Run, results: &[ServerResult], index: usize, clocks: Clocks) -> Vec<wire::Sent> {
    let host = &results[index].control.host;
    let path = &results[index].control.path;
    let of_host = results.iter().filter(|r| r.control.host == *host);
    let probes = of_host.clone().flat_map(|r| &r.probes);
    let beside = probes.flat_map(|p| p.variations.iter().map(|c| &c.measurement));
    let sessions = of_host
        .filter(|r| r.control.path != *path)
        .flat_map(|r| r.probes.iter().chain(std::iter::once(&r.reference_probe)))
        .chain(beside)
        .filter(|m| m.session.is_some())
        .flat_map(|m| sent(m, OTHERS, clocks));
    sessions.chain(run.side_openings.sent(OTHERS)).collect()
}

/// Returns the source ports of this run's side connections.
fn side_ports(results: &[ServerResult]) -> BTreeSet<u16> {
    let probes = results.iter().flat_map(|result| &result.probes);
    probes
        .flat_map(|probe| &probe.flows)
        .map(|flow| flow.source_port)
        .collect()
}

/// Maximum number of looks that count after a channel has closed, so that two more connections are dialled to find the
/// current instance.
const RESTARTED: usize = instances::ENOUGH - 2;

/// How long the server goes on looking, in milliseconds: a busy server may not have accepted a connection yet that was
/// reset at once.
const FOLLOW_MS: u32 = 500;

/// Tag of connections that the server is told of only to leave them out.
const OTHERS: u32 = u32::MAX;

/// Maximum number of entries that the server accepts in one question.
const MAX_SENT: usize = 512;
