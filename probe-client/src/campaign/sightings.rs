//! Asks the server what it noticed of the probes that did not run to their end.

use probe_core::control_record::ControlRecord;
use probe_core::measurement::{MatchedBy, Measurement, Sighting, SightingAnswer, SightingEnd};
use probe_core::observation::Operation;
use proto::wire;

use super::control_search::socket_address;
use super::{Campaign, ServerResult, complete};
use crate::clock::wall_unix_ms;
use crate::control::ControlChannel;

/// Adds the server's answer to every measurement of `result` that was dialled and did not run to its end.
/// Without an answer they stay as they are.
pub(super) async fn ask(
    campaign: &Campaign,
    channel: &mut ControlChannel,
    record: &ControlRecord,
    result: &mut ServerResult,
) {
    let Some(description) = record.description() else {
        return;
    };
    let open: Vec<&mut Measurement> = result
        .probes
        .iter_mut()
        .chain(std::iter::once(&mut result.comparison))
        .filter(|m| !complete(m) && m.address.is_some())
        .collect();
    if open.is_empty() || channel.open_run(campaign.run_id).await.is_err() {
        return;
    }
    let request = wire::WatchSightingsRequest {
        run_id: campaign.run_id.to_vec(),
        sent: open
            .iter()
            .zip(0..)
            .map(|(m, tag)| sent(campaign, m, tag, description.clock_offset_ms))
            .collect(),
        follow_ms: FOLLOW_MS,
    };
    let Ok(answers) = channel.sightings(&request).await else {
        return;
    };
    for (measurement, tag) in open.into_iter().zip(0..) {
        let mine: Vec<&wire::Sighting> = answers.iter().filter(|a| a.tag == tag).collect();
        // No answer at all about a connection is not the answer "none".
        if !mine.is_empty() {
            measurement.sighting = Some(answer(&mine, measurement, description.sees_half_open));
        }
    }
}

/// What was sent, and when, by the server's clock.
fn sent(campaign: &Campaign, m: &Measurement, tag: u32, clock_offset_ms: i64) -> wire::Sent {
    let prefixes = m.session.as_ref().map_or_else(Vec::new, |session| {
        session
            .first_sent
            .iter()
            .map(|prefix| wire::Prefix {
                bytes: prefix.bytes,
                sha256: prefix.sha256.0.to_vec(),
            })
            .collect()
    });
    let connect = m
        .observations
        .iter()
        .find(|o| o.operation == Operation::Connect);
    let started_ms = campaign.wall_unix_ms + connect.map_or(0, |o| o.start_us / 1000);
    // A server accepts when the handshake is through, whatever comes of the session.
    let ended_ms = connect.map_or_else(wall_unix_ms, |o| {
        campaign.wall_unix_ms + (o.start_us + o.duration_us) / 1000
    });
    let theirs = |ours: u64| ours.saturating_add_signed(clock_offset_ms);
    wire::Sent {
        tag,
        port: m.address.map_or(0, |a| a.port().into()),
        prefixes,
        from_unix_ms: theirs(started_ms).saturating_sub(CLOCK_SLACK_MS),
        until_unix_ms: theirs(ended_ms) + CLOCK_SLACK_MS,
    }
}

fn answer(
    sightings: &[&wire::Sighting],
    measurement: &Measurement,
    sees_half_open: bool,
) -> SightingAnswer {
    SightingAnswer {
        sightings: sightings
            .iter()
            .filter_map(|s| sighting(s, measurement))
            .collect(),
        unattributed: sightings.iter().any(|s| s.unattributed),
        sees_half_open,
    }
}

fn sighting(sighting: &wire::Sighting, measurement: &Measurement) -> Option<Sighting> {
    let matched_by = match sighting.r#match() {
        wire::SightingMatch::Digest => MatchedBy::Digest,
        wire::SightingMatch::Address => MatchedBy::Address,
        wire::SightingMatch::None | wire::SightingMatch::Unspecified => return None,
    };
    let (unaltered_prefix, altered_within) = compare(&sighting.prefixes, measurement);
    let session = measurement.session.as_ref();
    let hello = session
        .and_then(|s| s.tls.as_ref())
        .and_then(|tls| tls.client_hello_sha256)
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

/// What half a round trip of clock comparison may be wrong by.
const CLOCK_SLACK_MS: u64 = 2_000;

/// A connection that was reset at once may still wait to be accepted by a busy server.
const FOLLOW_MS: u32 = 500;
