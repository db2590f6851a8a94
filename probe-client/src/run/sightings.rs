//! Asks the server what it noticed of the probes that did not run to their end.

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

/// Adds the server's answer to every measurement of `results` that was dialled and did not run to its
/// end. Without an answer they stay as they are.
pub(super) async fn ask(run: &Run, results: &mut [ServerResult], progress: &Progress) {
    for index in 0..results.len() {
        if !open(&mut results[index]).is_empty() {
            progress.say("asking the server what it saw");
            let asking = ask_about(run, results, index);
            // Some measurements stay without an answer where the run is ended before.
            run.context.cancelled.run_until_cancelled(asking).await;
        }
    }
}

/// Over the path's own channel, or that of another path to the same host: a digest needs no address.
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
    // More connections are more than a slow line carries in time; then absence is not proved.
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

/// Dials silent ports while the server looks, where it looked too late for the first SYNs, and asks it once more.
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
            // Some measurements stay without an answer where the run is ended before.
            run.context.cancelled.run_until_cancelled(asking).await;
            // A channel that has broken meanwhile takes nothing back.
            for (measurement, before) in open(&mut results[index]).into_iter().zip(before) {
                measurement.sighting = measurement.sighting.take().or(before);
            }
        }
    }
}

/// Asks the control sessions of `results[asked]`, from number `first` on, about what is open in `results[index]`.
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
    // Behind a proxy's address there may be anybody.
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

/// Adds the server's answer to the sessions beside the probes that failed. Of one address there are
/// several at a time, so digests alone count.
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

/// What a server at another address has not seen may have been meant for one that was not asked.
fn without_absences(measurements: Vec<&mut Measurement>) {
    for measurement in measurements {
        measurement.sighting = measurement
            .sighting
            .take()
            .filter(|answer| !answer.sightings.is_empty());
    }
}

/// One instance was not asked about them: what no other has seen, it may have.
fn in_doubt(measurements: Vec<&mut Measurement>) {
    let answers = measurements.into_iter().filter_map(|m| m.sighting.as_mut());
    for answer in answers.filter(|answer| answer.sightings.is_empty()) {
        answer.unasked = true;
    }
}

/// Asks all `control_sessions` about `measurements`; `others` are named, to each of them, so that they are not
/// taken for one of these. With `bare`, what the server tells by address counts as another's, unless it came from one of
/// these ports: so do this run's side connections.
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
        // No answer at all about a connection is not the answer "none".
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

/// What one control session says about each of `measurements`; with `same_ip_version` they were dialled at the address where
/// it is asked.
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

/// What the server counted, if the probe sent any SYNs meanwhile.
fn refused(answers: &[&wire::Sighting], own_syns: u32) -> Option<AnswersRefused> {
    let counted = answers.iter().filter_map(|a| a.answers_refused).max()?;
    (own_syns > 0).then_some(AnswersRefused { counted, own_syns })
}

/// How many SYNs were sent from `since_us` on, those of sessions and side connections beside it included.
pub(super) fn syns_since(measurement: &Measurement, since_us: u64) -> u32 {
    let sent = syns(measurement).filter(|at| *at >= since_us).count();
    u32::try_from(sent).unwrap_or(u32::MAX)
}

/// When the last SYN was sent, that of a session or side connection beside it included, in microseconds since the run's
/// start. One
/// that the server's own host leaves without an answer is forgotten soon, so a server that begins to look later
/// cannot say that none came.
fn last_syn_us(measurement: &Measurement) -> u64 {
    syns(measurement).max().unwrap_or(0)
}

/// When each was sent, in microseconds since the run's start.
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

/// What was dialled and did not run to its end.
fn open(result: &mut ServerResult) -> Vec<&mut Measurement> {
    result
        .probes
        .iter_mut()
        .chain(std::iter::once(&mut result.reference_probe))
        .filter(|m| !complete(m) && reached_out(m))
        .collect()
}

/// Something may have arrived at the server.
fn reached_out(measurement: &Measurement) -> bool {
    match measurement.path {
        NetworkPath::Direct => measurement.address.is_some(),
        NetworkPath::Proxy(_) => measurement.connected(),
    }
}

/// Sessions that none of the open probes is about: those of other paths to the same host, and those beside
/// probes. The server can leave them out where it goes by addresses, which they may share.
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

/// The source ports of this run's side connections.
fn side_ports(results: &[ServerResult]) -> BTreeSet<u16> {
    let probes = results.iter().flat_map(|result| &result.probes);
    probes
        .flat_map(|probe| &probe.flows)
        .map(|flow| flow.source_port)
        .collect()
}

/// Without what was told by address: it may be another's. Then finding none proves nothing.
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

/// So few looks are left out where a channel was ended that two connections are dialled to find who is there now.
const RESTARTED: usize = instances::ENOUGH - 2;

/// A connection that was reset at once may still wait to be accepted by a busy server.
const FOLLOW_MS: u32 = 500;

/// When a SYN without an answer is repeated (RFC 6298 section 2: after a second, then twice as long each
/// time), in microseconds.
const SYNS_US: [u64; 5] = [0, 1_000_000, 3_000_000, 7_000_000, 15_000_000];

/// The tag of what is named only to be left out.
const OTHERS: u32 = u32::MAX;

/// As many as a server takes in one question.
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

    /// A probe whose SYNs, the first at the run's start, got no answer for as long.
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
