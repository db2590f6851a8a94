//! Turns the server's reports about connections into an answer about one measurement.

use std::collections::BTreeSet;

use proto::wire;

use super::syns::{last_syn_us, syns_since};
use crate::control_record::ServerDescription;
use crate::measurement::{
    AnswersRefused, MatchedBy, Measurement, Sighting, SightingAnswer, SightingEnd,
};

/// Returns the answer that one instance gives about `measurement`; `None` if the instance said nothing. `mine` are the
/// instance's sightings with the measurement's tag. The instance began to watch at `since_us`.
pub fn of_instance(
    mine: &[&wire::Sighting],
    measurement: &Measurement,
    instance: &ServerDescription,
    since_us: u64,
) -> Option<SightingAnswer> {
    let in_time = since_us <= last_syn_us(measurement);
    let looked_on = LookedOn {
        for_half_open: in_time && instance.sees_half_open,
        for_every_syn: in_time
            && instance.sees_every_syn
            && mine.iter().all(|answer| answer.saw_all),
        refused: refused(mine, syns_since(measurement, since_us)),
    };
    (!mine.is_empty()).then(|| answer(mine, measurement, looked_on))
}

/// Merges the answers of all instances that were asked with the answer from `before`. If `bare` is given, sightings
/// that the server matched by address are removed. `bare` holds the source ports of this run's side connections: a
/// sighting from any other port may be of another connection, and leaves the answer incomplete.
pub fn of_all(
    answers: impl Iterator<Item = Option<SightingAnswer>> + Clone,
    before: Option<SightingAnswer>,
    bare: Option<&BTreeSet<u16>>,
) -> Option<SightingAnswer> {
    // A missing answer about a connection is not the answer "none".
    let silent = answers.clone().any(|answer| answer.is_none());
    answers
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
        })
}

/// Removes the sightings that the server matched by address. Those from a source port in `bare` are of side
/// connections. Any others may be of another connection, and the answer is then incomplete.
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

/// Removes answers without a sighting: a connection that a server at another address did not see may have reached an
/// instance that was not asked.
pub fn without_absences(measurements: Vec<&mut Measurement>) {
    for measurement in measurements {
        measurement.sighting = measurement
            .sighting
            .take()
            .filter(|answer| !answer.sightings.is_empty());
    }
}

/// Marks answers without a sighting as incomplete: the instance that was not asked may have seen the connection.
pub fn in_doubt(measurements: Vec<&mut Measurement>) {
    let answers = measurements.into_iter().filter_map(|m| m.sighting.as_mut());
    for answer in answers.filter(|answer| answer.sightings.is_empty()) {
        answer.unasked = true;
    }
}

/// Returns the server's count of refused answers; `None` if the probe sent no SYNs while the server counted.
fn refused(answers: &[&wire::Sighting], own_syns: u32) -> Option<AnswersRefused> {
    let counted = answers.iter().filter_map(|a| a.answers_refused).max()?;
    (own_syns > 0).then_some(AnswersRefused { counted, own_syns })
}

/// The events that the server was watching for, and so would have noticed.
#[derive(Clone, Copy, Debug)]
struct LookedOn {
    for_half_open: bool,
    for_every_syn: bool,
    refused: Option<AnswersRefused>,
}

/// Returns the answer that `sightings` give about `measurement`. Sightings of other sessions are left out. If there are
/// more sightings than an honest server has to report, the rest is left out too, and the answer is incomplete.
fn answer(
    sightings: &[&wire::Sighting],
    measurement: &Measurement,
    looked_on: LookedOn,
) -> SightingAnswer {
    let told = sightings.len().min(MAX_SIGHTINGS);
    let (told, too_many) = sightings.split_at(told);
    SightingAnswer {
        sightings: latest(told)
            .into_iter()
            .filter_map(|s| sighting(s, measurement))
            .collect(),
        unattributed: !too_many.is_empty() || sightings.iter().any(|s| s.unattributed),
        unasked: false,
        sees_half_open: looked_on.for_half_open,
        sees_every_syn: looked_on.for_every_syn,
        answers_refused: looked_on.refused,
    }
}

/// Returns the newest sighting of each connection, since the server reports a connection again whenever its state
/// changes. If a connection was half-open and is later reported as unanswered, both sightings are kept.
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
        peer: sighting.peer.as_ref().and_then(|a| a.try_into().ok()),
        bytes_received: sighting.bytes_received,
        bytes_sent: sighting.bytes_sent,
        end: end(sighting.end()),
        tls_error: (!sighting.tls_error.is_empty()).then(|| sighting.tls_error.clone()),
        unaltered_prefix,
        altered_within,
        client_hello_unaltered: hello,
    })
}

/// Returns whether the greeting on this connection was for another session. The connection is then not this probe's,
/// whatever its address and time.
fn is_of_another_session(sighting: &wire::Sighting, measurement: &Measurement) -> bool {
    let own = measurement.session.as_ref().map(|s| s.session_id.0);
    !sighting.session_id.is_empty()
        && own.is_none_or(|own| own.as_slice() != sighting.session_id.as_slice())
}

/// Returns the length of the longest prefix that arrived as sent, and of the shortest that did not.
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

/// Maximum number of sightings about one measurement. A probe opens fewer connections, and the server reports each a
/// few times at most. Without a limit a server could make the answer costly, because sightings are compared pair by
/// pair.
const MAX_SIGHTINGS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_limited_and_says_that_something_is_missing() {
        let text = include_str!("../../tests/scenarios/demo.json");
        let document = crate::recorded::Recorded::read(text);
        let measurement = document.probes.into_iter().next().unwrap().measurement;
        let told = |port| wire::Sighting {
            r#match: wire::SightingMatch::Address.into(),
            peer: Some(wire::SocketAddress {
                ip: vec![192, 0, 2, 1],
                port,
            }),
            ..wire::Sighting::default()
        };
        let looked_on = LookedOn {
            for_half_open: true,
            for_every_syn: true,
            refused: None,
        };
        for (count, complete) in [(256, true), (4096, false)] {
            let told: Vec<wire::Sighting> = (1..=count).map(told).collect();
            let told: Vec<&wire::Sighting> = told.iter().collect();
            let answer = answer(&told, &measurement, looked_on);
            assert_eq!(answer.sightings.len(), 256);
            assert_eq!(answer.is_complete(), complete);
        }
    }

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

    #[test]
    fn a_connection_that_greeted_for_another_session_is_never_this_probes() {
        let document =
            crate::recorded::Recorded::read(include_str!("../../tests/scenarios/demo.json"));
        let mut measurement = document.probes.into_iter().next().unwrap().measurement;
        let own = measurement.session.as_ref().unwrap().session_id.0;
        let told = |session_id: &[u8]| wire::Sighting {
            r#match: wire::SightingMatch::Address.into(),
            session_id: session_id.to_vec(),
            ..wire::Sighting::default()
        };
        assert!(sighting(&told(&own), &measurement).is_some());
        assert!(sighting(&told(&[]), &measurement).is_some());
        assert!(sighting(&told(&[0xee; 16]), &measurement).is_none());
        // This probe did not get as far as its greeting, so the greeting was another session's.
        measurement.session = None;
        assert!(sighting(&told(&own), &measurement).is_none());
        assert!(sighting(&told(&[]), &measurement).is_some());
    }

    #[test]
    fn what_was_proved_over_a_channel_that_was_lost_then_stays_proved() {
        let refused = |own_syns| AnswersRefused {
            counted: 0,
            own_syns,
        };
        let absent = |in_time: bool, own_syns: u32| SightingAnswer {
            sightings: Vec::new(),
            unattributed: false,
            unasked: false,
            sees_half_open: in_time,
            sees_every_syn: in_time,
            answers_refused: (own_syns > 0).then(|| refused(own_syns)),
        };
        let before = absent(true, 4);
        assert_eq!(absent(false, 0).after(&before), before);
        assert_eq!(absent(true, 7).after(&before), absent(true, 7));
        let doubtful = SightingAnswer {
            unasked: true,
            ..before.clone()
        };
        assert_eq!(absent(false, 0).after(&doubtful), absent(false, 0));
        // A doubt about the later answer stays.
        let later = SightingAnswer {
            unasked: true,
            ..absent(false, 0)
        };
        assert!(!later.after(&before).is_complete());
    }
}
