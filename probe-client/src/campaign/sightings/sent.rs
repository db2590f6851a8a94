//! What the server is told of a session, so that it finds what it noticed of it.

use probe_core::measurement::Measurement;
use probe_core::observation::{Observation, Operation};
use proto::wire;

use super::super::Campaign;

/// What was sent, and when, by the server's clock: once for each port on which the server may have accepted it.
pub(super) fn sent(
    campaign: &Campaign,
    m: &Measurement,
    tag: u32,
    clock_offset_ms: i64,
) -> impl Iterator<Item = wire::Sent> {
    let to_dialled = to_port_dialled(campaign, m, tag, clock_offset_ms);
    m.ports_meant().map(move |port| wire::Sent {
        port: port.into(),
        ..to_dialled.clone()
    })
}

fn to_port_dialled(
    campaign: &Campaign,
    m: &Measurement,
    tag: u32,
    clock_offset_ms: i64,
) -> wire::Sent {
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
    let connect = m.observations.iter().find(|o| connects(o));
    let clock = campaign.context.clock;
    let started_ms = clock.unix_ms(connect.map_or(0, |o| o.start_us));
    let until_us = match connect.filter(|o| o.failure.is_none()) {
        // A server accepts when the handshake is through, whatever comes of the session; unless what ended it
        // there was lost, and then nothing comes back.
        Some(_) if m.transport.is_some_and(|t| t.bytes_read == 0) => next_us(m),
        Some(connected) => Some(connected.end_us()),
        // What it has half open it notices when it is asked.
        None => None,
    };
    let until_us = until_us.unwrap_or_else(|| clock.now_us());
    let ended_ms = clock.unix_ms(until_us);
    let theirs = |ours: u64| ours.saturating_add_signed(clock_offset_ms);
    wire::Sent {
        tag,
        port: m.port_dialled().into(),
        prefixes,
        from_unix_ms: theirs(started_ms).saturating_sub(CLOCK_SLACK_MS),
        until_unix_ms: theirs(ended_ms) + CLOCK_SLACK_MS,
        session_id: m
            .session
            .as_ref()
            .map(|session| session.session_id.0.to_vec())
            .unwrap_or_default(),
        source_port: m.local.map_or(0, |local| local.port().into()),
    }
}

/// When the first session beside `m` began, which is another connection to the same port.
fn next_us(m: &Measurement) -> Option<u64> {
    let beside = m.comparisons.iter().map(|c| &c.measurement);
    let dialled = beside.flat_map(|m| &m.observations).filter(|o| connects(o));
    dialled.map(|o| o.start_us).min()
}

/// The step in which the server accepts.
pub(super) fn connects(observation: &Observation) -> bool {
    matches!(
        observation.operation,
        Operation::Connect | Operation::ProxyNegotiation
    )
}

/// What half a round trip of clock comparison may be wrong by.
const CLOCK_SLACK_MS: u64 = 2_000;
