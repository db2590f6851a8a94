//! Asks the server for its sightings of the probes that did not run to their end.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use probe_core::flow::FlowEnd;
use probe_core::measurement::{AnswersRefused, MatchedBy, Measurement, Sighting, SightingAnswer};
use probe_core::path::NetworkPath;
use proto::wire;

use super::control_session::ControlSession;
use super::{Run, ServerResult, complete, instances, second_look};
use crate::progress::Progress;

mod answer;
mod sent;

use answer::{LookedOn, answer};
use sent::{TheirClock, connects, sent};

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
        .map(|w| TheirClock::of(&w.description, run.context.clock.now_us()));
    let others = clocks
        .map(|theirs| others(run, results, index, theirs))
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

/// Removes answers without a sighting: a connection that a server at another address did not see may have reached an
/// instance that was not asked.
fn without_absences(measurements: Vec<&mut Measurement>) {
    for measurement in measurements {
        measurement.sighting = measurement
            .sighting
            .take()
            .filter(|answer| !answer.sightings.is_empty());
    }
}

/// Marks answers without a sighting as incomplete: the instance that was not asked may have seen the connection.
fn in_doubt(measurements: Vec<&mut Measurement>) {
    let answers = measurements.into_iter().filter_map(|m| m.sighting.as_mut());
    for answer in answers.filter(|answer| answer.sightings.is_empty()) {
        answer.unasked = true;
    }
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
        let of_all = answers
            .iter()
            .map(|answers| answers.get(index).cloned().flatten());
        // A missing answer about a connection is not the answer "none".
        let silent = of_all.clone().any(|answer| answer.is_none());
        let before = measurement.sighting.take();
        measurement.sighting = of_all
            .flatten()
            .map(|answer| match bare {
                None => answer,
                Some(bare) => by_digest_alone(answer, bare),
            })
            .chain(before)
            .reduce(SightingAnswer::and)
            .map(|answer| SightingAnswer {
                unasked: answer.unasked || silent,
                ..answer
            });
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
    let theirs = TheirClock::of(description, run.context.clock.now_us());
    let mut sent: Vec<wire::Sent> = tagged
        .clone()
        .flat_map(|(m, tag)| sent(run, m, tag, theirs))
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
            let in_time = *since_us <= last_syn_us(measurement);
            let looked_on = LookedOn {
                for_half_open: in_time && description.sees_half_open,
                for_every_syn: in_time
                    && description.sees_every_syn
                    && mine.iter().all(|answer| answer.saw_all),
                refused: refused(&mine, syns_since(measurement, *since_us)),
            };
            (!mine.is_empty()).then(|| answer(&mine, measurement, looked_on))
        })
        .collect()
}

/// Returns the server's count of refused answers; `None` if the probe sent no SYNs while the server counted.
fn refused(answers: &[&wire::Sighting], own_syns: u32) -> Option<AnswersRefused> {
    let counted = answers.iter().filter_map(|a| a.answers_refused).max()?;
    (own_syns > 0).then_some(AnswersRefused { counted, own_syns })
}

/// Returns the number of SYNs sent from `since_us` on, including those of the probe's variations and side connections.
pub(super) fn syns_since(measurement: &Measurement, since_us: u64) -> u32 {
    let sent = syns(measurement).filter(|at| *at >= since_us).count();
    u32::try_from(sent).unwrap_or(u32::MAX)
}

/// Returns when the last SYN was sent, including those of variations and side connections, in microseconds since the
/// run's start. The server's host soon forgets a SYN that it leaves unanswered, so a server that begins to watch later
/// cannot say that none came.
fn last_syn_us(measurement: &Measurement) -> u64 {
    syns(measurement).max().unwrap_or(0)
}

/// Returns when each SYN was sent, in microseconds since the run's start.
fn syns(measurement: &Measurement) -> impl Iterator<Item = u64> {
    let beside = measurement.variations.iter().map(|c| &c.measurement);
    let connects = beside
        .chain([measurement])
        .filter_map(|m| m.observations.iter().find(|o| connects(o)));
    let own = connects.map(|connect| (connect.start_us, connect.duration_us));
    let port = measurement.port_dialled();
    let side = measurement.flows.iter();
    let side = side.filter(move |flow| flow.port == port && flow.end != FlowEnd::NotSent);
    let side = side.map(|flow| (flow.start_us, flow.duration_us));
    own.chain(side).flat_map(|(first, until)| {
        let sent = SYNS_US.iter().enumerate();
        let sent = sent.filter(move |(at, after)| *at == 0 || **after < until);
        sent.map(move |(_, after)| first + after)
    })
}

/// Returns the measurements that were dialled and did not run to their end.
fn open(result: &mut ServerResult) -> Vec<&mut Measurement> {
    result
        .probes
        .iter_mut()
        .chain(std::iter::once(&mut result.reference_probe))
        .filter(|m| !complete(m) && reached_out(m))
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
fn others(
    run: &Run,
    results: &[ServerResult],
    index: usize,
    theirs: TheirClock,
) -> Vec<wire::Sent> {
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
        .flat_map(|m| sent(run, m, OTHERS, theirs));
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

/// Removes the sightings that the server matched by address, since they may be another connection's. An answer without
/// sightings then proves nothing.
fn by_digest_alone(answer: SightingAnswer, bare: &BTreeSet<u16>) -> SightingAnswer {
    let is_bare = |s: &&Sighting| s.peer.is_some_and(|peer| bare.contains(&peer.port()));
    let all = answer.sightings.len() - answer.sightings.iter().filter(is_bare).count();
    let sightings: Vec<Sighting> = answer
        .sightings
        .into_iter()
        .filter(|s| s.matched_by == MatchedBy::Digest)
        .collect();
    SightingAnswer {
        unattributed: answer.unattributed || sightings.len() < all,
        sightings,
        sees_every_syn: false,
        ..answer
    }
}

/// Maximum number of looks that count after a channel has closed, so that two more connections are dialled to find the
/// current instance.
const RESTARTED: usize = instances::ENOUGH - 2;

/// How long the server goes on looking, in milliseconds: a busy server may not have accepted a connection yet that was
/// reset at once.
const FOLLOW_MS: u32 = 500;

/// When an unanswered SYN is sent and repeated, in microseconds (RFC 6298 section 2: after a second, then after twice
/// the time before).
const SYNS_US: [u64; 5] = [0, 1_000_000, 3_000_000, 7_000_000, 15_000_000];

/// Tag of connections that the server is told of only to leave them out.
const OTHERS: u32 = u32::MAX;

/// Maximum number of entries that the server accepts in one question.
const MAX_SENT: usize = 512;

#[cfg(test)]
mod tests {
    use probe_core::document::RunDocument;
    use probe_core::flow::{Flow, FlowRound};
    use probe_core::observation::{Failure, FailureKind, Origin};

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

    /// Returns a probe whose SYNs, the first at the run's start, got no answer for `waited_us`.
    fn silent(waited_us: u64) -> Measurement {
        let document: RunDocument =
            serde_json::from_str(include_str!("../../core/tests/scenarios/demo.json")).unwrap();
        let mut probe = document.probes.into_iter().next().unwrap().measurement;
        probe.observations.retain(connects);
        let connect = &mut probe.observations[0];
        (connect.start_us, connect.duration_us) = (0, waited_us);
        connect.failure = Some(Failure::new(FailureKind::TimedOut, Origin::Unknown));
        probe
    }
}
