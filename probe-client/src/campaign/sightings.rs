//! Asks the server what it noticed of the probes that did not run to their end.

use futures_util::future::join_all;
use probe_core::measurement::{
    AnswersRefused, MatchedBy, Measurement, Sighting, SightingAnswer, SightingEnd,
};
use probe_core::path::NetworkPath;
use proto::wire;

use super::control_search::socket_address;
use super::instances::{self, Witness};
use super::{Campaign, ServerResult, complete, second_look};
use crate::progress::Progress;

mod sent;

use sent::{connects, sent};

/// Adds the server's answer to every measurement of `results` that was dialled and did not run to its
/// end. Without an answer they stay as they are.
pub(super) async fn ask(campaign: &Campaign, results: &mut [ServerResult], progress: &Progress) {
    for index in 0..results.len() {
        if !open(&mut results[index]).is_empty() {
            progress.say("asking the server what it saw");
            let asking = ask_about(campaign, results, index);
            // Some measurements stay without an answer where the run is ended before.
            campaign.context.cancelled.run_until_cancelled(asking).await;
        }
    }
}

/// Over the path's own channel, or that of another path to the same host: a digest needs no address.
async fn ask_about(campaign: &Campaign, results: &mut [ServerResult], index: usize) {
    let Some(asked) = instances::to_be_asked(results, index) else {
        return;
    };
    let elsewhere = asked != index && !instances::is_same_server(&results[asked], &results[index]);
    let first = results[asked].witnesses.len();
    put(campaign, results, index, asked, 0).await;
    let wanted = instances::unasked(
        instances::same_server(results, index),
        &results[asked].witnesses,
    );
    let mut answers = open(&mut results[index]).into_iter();
    let unseen = answers.any(|m| m.sighting.as_ref().is_some_and(|a| a.sightings.is_empty()));
    drop(answers);
    // More connections are more than a slow line carries in time; then absence is not proved.
    let slow = campaign.context.options.line.is_slow();
    if !slow && (unseen || !wanted.is_empty()) {
        let looks = instances::looks(&results[asked]);
        instances::meet(campaign, &mut results[asked], wanted, looks).await;
        put(campaign, results, index, asked, first).await;
    }
    let unasked = instances::unasked(
        instances::same_server(results, index),
        &results[asked].witnesses,
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
pub(super) async fn ask_again(
    campaign: &Campaign,
    results: &mut [ServerResult],
    progress: &Progress,
) {
    for index in 0..results.len() {
        let asked = instances::to_be_asked(results, index);
        let witnesses = asked.map_or(&[][..], |asked| &results[asked].witnesses);
        let sees_half_open = witnesses.iter().any(|w| w.description.sees_half_open);
        let sees_every_syn = witnesses.iter().any(|w| w.description.sees_every_syn);
        let looks = sees_half_open || sees_every_syn;
        if looks && second_look::dial(campaign, &mut results[index], sees_every_syn, progress).await
        {
            let take = |m: &mut Measurement| m.sighting.take();
            let before: Vec<_> = open(&mut results[index]).into_iter().map(take).collect();
            let asking = ask_about(campaign, results, index);
            // Some measurements stay without an answer where the run is ended before.
            campaign.context.cancelled.run_until_cancelled(asking).await;
            // A channel that has broken meanwhile takes nothing back.
            for (measurement, before) in open(&mut results[index]).into_iter().zip(before) {
                measurement.sighting = measurement.sighting.take().or(before);
            }
        }
    }
}

/// Asks the witnesses of `results[asked]`, from number `first` on, about what is open in `results[index]`.
async fn put(
    campaign: &Campaign,
    results: &mut [ServerResult],
    index: usize,
    asked: usize,
    first: usize,
) {
    let mut witnesses = std::mem::take(&mut results[asked].witnesses);
    let offsets = witnesses[first..]
        .iter()
        .map(|w| w.description.clock_offset_ms);
    let others = offsets
        .map(|offset| others(campaign, results, index, offset))
        .collect();
    let result = &mut results[index];
    // Behind a proxy's address there may be anybody.
    let by_address = asked == index && result.control.path.is_direct();
    inquire(
        campaign,
        &mut witnesses[first..],
        open(result),
        others,
        by_address,
    )
    .await;
    results[asked].witnesses = witnesses;
}

/// Adds the server's answer to the sessions beside the probes that failed. Of one address there are
/// several at a time, so digests alone count.
pub(super) async fn ask_beside(campaign: &Campaign, result: &mut ServerResult) {
    let mut witnesses = std::mem::take(&mut result.witnesses);
    let unasked = instances::unasked([&*result], &witnesses);
    if !witnesses.is_empty() && !failed_beside(result).is_empty() {
        let others = witnesses.iter().map(|_| Vec::new()).collect();
        let failed = failed_beside(result);
        let asking = inquire(campaign, &mut witnesses, failed, others, false);
        campaign.context.cancelled.run_until_cancelled(asking).await;
        if !unasked.is_empty() || result.control.lacks_an_instance() {
            in_doubt(failed_beside(result));
        }
        result.control.unasked = unasked.into_iter().collect();
    }
    result.witnesses = witnesses;
}

fn failed_beside(result: &mut ServerResult) -> Vec<&mut Measurement> {
    let beside = result.probes.iter_mut().flat_map(|p| &mut p.comparisons);
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

/// Asks all `witnesses` about `measurements`; `others` are named, to each of them, so that they are not
/// taken for one of these.
async fn inquire(
    campaign: &Campaign,
    witnesses: &mut [Witness],
    measurements: Vec<&mut Measurement>,
    others: Vec<Vec<wire::Sent>>,
    by_address: bool,
) {
    let about: Vec<&Measurement> = measurements.iter().map(|m| &**m).collect();
    let asking = witnesses.iter_mut().zip(others);
    let asking = asking.map(|(witness, others)| question(campaign, witness, &about, others));
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
            .map(|answer| {
                if by_address {
                    answer
                } else {
                    by_digest_alone(answer)
                }
            })
            .chain(before)
            .reduce(SightingAnswer::and)
            .map(|answer| SightingAnswer {
                unasked: answer.unasked || silent,
                ..answer
            });
    }
}

/// What one witness says about each of `measurements`.
async fn question(
    campaign: &Campaign,
    witness: &mut Witness,
    measurements: &[&Measurement],
    others: Vec<wire::Sent>,
) -> Vec<Option<SightingAnswer>> {
    let Witness {
        channel,
        description,
        since_us,
    } = witness;
    let tagged = measurements.iter().zip(0..);
    let offset = description.clock_offset_ms;
    let mut sent: Vec<wire::Sent> = tagged
        .clone()
        .flat_map(|(m, tag)| sent(campaign, m, tag, offset))
        .collect();
    sent.extend(others);
    sent.truncate(MAX_SENT);
    let request = wire::WatchSightingsRequest {
        run_id: campaign.run_id.to_vec(),
        sent,
        follow_ms: FOLLOW_MS,
    };
    let answers = channel.sightings(&request).await.unwrap_or_default();
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

/// How many SYNs were sent from `since_us` on, those of sessions beside it included.
fn syns_since(measurement: &Measurement, since_us: u64) -> u32 {
    let sent = syns(measurement).filter(|at| *at >= since_us).count();
    u32::try_from(sent).unwrap_or(u32::MAX)
}

/// When the last SYN was sent, that of a session beside it included, in microseconds since the run's start. One
/// that the server's own host leaves without an answer is forgotten soon, so a server that begins to look later
/// cannot say that none came.
fn last_syn_us(measurement: &Measurement) -> u64 {
    syns(measurement).max().unwrap_or(0)
}

/// When each was sent, in microseconds since the run's start.
fn syns(measurement: &Measurement) -> impl Iterator<Item = u64> {
    let beside = measurement.comparisons.iter().map(|c| &c.measurement);
    let connects = beside
        .chain([measurement])
        .filter_map(|m| m.observations.iter().find(|o| connects(o)));
    connects.flat_map(|connect| {
        let (first, until) = (connect.start_us, connect.duration_us);
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
        .chain(std::iter::once(&mut result.comparison))
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
    campaign: &Campaign,
    results: &[ServerResult],
    index: usize,
    clock_offset_ms: i64,
) -> Vec<wire::Sent> {
    let host = &results[index].control.host;
    let path = &results[index].control.path;
    let of_host = results.iter().filter(|r| r.control.host == *host);
    let probes = of_host.clone().flat_map(|r| &r.probes);
    let beside = probes.flat_map(|p| p.comparisons.iter().map(|c| &c.measurement));
    of_host
        .filter(|r| r.control.path != *path)
        .flat_map(|r| r.probes.iter().chain(std::iter::once(&r.comparison)))
        .chain(beside)
        .filter(|m| m.session.is_some())
        .flat_map(|m| sent(campaign, m, OTHERS, clock_offset_ms))
        .collect()
}

/// Without what was told by address: it may be another's. Then finding none proves nothing.
fn by_digest_alone(answer: SightingAnswer) -> SightingAnswer {
    let all = answer.sightings.len();
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

/// What the server would have noticed, had it come.
#[derive(Clone, Copy, Debug)]
struct LookedOn {
    for_half_open: bool,
    for_every_syn: bool,
    refused: Option<AnswersRefused>,
}

fn answer(
    sightings: &[&wire::Sighting],
    measurement: &Measurement,
    looked_on: LookedOn,
) -> SightingAnswer {
    SightingAnswer {
        sightings: latest(sightings)
            .into_iter()
            .filter_map(|s| sighting(s, measurement))
            .collect(),
        unattributed: sightings.iter().any(|s| s.unattributed),
        unasked: false,
        sees_half_open: looked_on.for_half_open,
        sees_every_syn: looked_on.for_every_syn,
        answers_refused: looked_on.refused,
    }
}

/// While the server is watched it tells of a connection again whenever something has become of it. What it says
/// is without an answer after it has said that it is half open is both.
fn latest<'a>(sightings: &[&'a wire::Sighting]) -> Vec<&'a wire::Sighting> {
    let mut latest: Vec<&wire::Sighting> = Vec::new();
    for news in sightings {
        latest.retain(|old| {
            let is_both = old.end() == wire::SightingEnd::HalfOpen
                && news.end() == wire::SightingEnd::Unanswered;
            is_both
                || old.peer.is_none()
                || (&old.peer, old.accepted_unix_ms) != (&news.peer, news.accepted_unix_ms)
        });
        latest.push(news);
    }
    latest
}

fn sighting(sighting: &wire::Sighting, measurement: &Measurement) -> Option<Sighting> {
    let matched_by = match sighting.r#match() {
        wire::SightingMatch::Digest => MatchedBy::Digest,
        wire::SightingMatch::Address => MatchedBy::Address,
        wire::SightingMatch::None | wire::SightingMatch::Unspecified => return None,
    };
    if is_of_another_session(sighting, measurement) {
        return None;
    }
    let (unaltered_prefix, altered_within) = compare(&sighting.prefixes, measurement);
    let session = measurement.session.as_ref();
    let hello = session
        .and_then(|s| s.tls.as_ref())
        .and_then(|tls| tls.client_hello_sha256)
        .or(measurement.client_hello_sha256)
        .filter(|_| !sighting.client_hello_sha256.is_empty())
        .map(|ours| ours.0.as_slice() == sighting.client_hello_sha256.as_slice());
    Some(Sighting {
        matched_by,
        peer: sighting.peer.as_ref().and_then(socket_address),
        bytes_received: sighting.bytes_received,
        bytes_sent: sighting.bytes_sent,
        end: end(sighting.end()),
        tls_error: (!sighting.tls_error.is_empty()).then(|| sighting.tls_error.clone()),
        unaltered_prefix,
        altered_within,
        client_hello_unaltered: hello,
    })
}

/// It greeted for another session, so that it is not this probe's, whatever address it came from and when.
fn is_of_another_session(sighting: &wire::Sighting, measurement: &Measurement) -> bool {
    let own = measurement.session.as_ref().map(|s| s.session_id.0);
    !sighting.session_id.is_empty()
        && own.is_none_or(|own| own.as_slice() != sighting.session_id.as_slice())
}

/// The longest prefix that arrived as sent, and the shortest that did not.
fn compare(received: &[wire::Prefix], measurement: &Measurement) -> (u32, Option<u32>) {
    let sent = measurement
        .session
        .as_ref()
        .map_or(&[][..], |s| &s.first_sent[..]);
    let pairs = || {
        received.iter().filter_map(|theirs| {
            let ours = sent.iter().find(|ours| ours.bytes == theirs.bytes)?;
            Some((ours.bytes, ours.sha256.0.as_slice() == theirs.sha256))
        })
    };
    let unaltered = pairs()
        .filter(|(_, same)| *same)
        .map(|(bytes, _)| bytes)
        .max();
    let altered = pairs()
        .filter(|(_, same)| !*same)
        .map(|(bytes, _)| bytes)
        .min();
    (unaltered.unwrap_or(0), altered)
}

fn end(end: wire::SightingEnd) -> SightingEnd {
    match end {
        wire::SightingEnd::Unspecified => SightingEnd::Unknown,
        wire::SightingEnd::Unanswered => SightingEnd::Unanswered,
        wire::SightingEnd::Open => SightingEnd::Open,
        wire::SightingEnd::HalfOpen => SightingEnd::HalfOpen,
        wire::SightingEnd::Completed => SightingEnd::Completed,
        wire::SightingEnd::PeerClosed => SightingEnd::PeerClosed,
        wire::SightingEnd::PeerReset => SightingEnd::PeerReset,
        wire::SightingEnd::Deadline => SightingEnd::Deadline,
        wire::SightingEnd::TlsFailed => SightingEnd::TlsFailed,
        wire::SightingEnd::NotRecognised => SightingEnd::NotRecognised,
        wire::SightingEnd::NotAuthenticated => SightingEnd::NotAuthenticated,
        wire::SightingEnd::Shed => SightingEnd::Shed,
    }
}

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
    use super::*;

    #[test]
    fn the_latest_word_on_a_connection_counts_and_half_open_without_an_answer_is_both() {
        use wire::SightingEnd::{HalfOpen, Open, Unanswered};

        let cases: [(&[wire::SightingEnd], &[wire::SightingEnd]); 4] = [
            (&[Unanswered, HalfOpen], &[HalfOpen]),
            (&[Unanswered, HalfOpen, Unanswered], &[HalfOpen, Unanswered]),
            (&[HalfOpen, Unanswered, HalfOpen], &[HalfOpen]),
            (&[HalfOpen, Unanswered, Open], &[Open]),
        ];
        for (told, expected) in cases {
            let told: Vec<wire::Sighting> = told
                .iter()
                .map(|end| wire::Sighting {
                    peer: Some(wire::SocketAddress::default()),
                    end: (*end).into(),
                    ..wire::Sighting::default()
                })
                .collect();
            let latest = latest(&told.iter().collect::<Vec<_>>());
            let ends: Vec<_> = latest.iter().map(|sighting| sighting.end()).collect();
            assert_eq!(ends, expected);
        }
    }
}
