//! Looks for a port that leads to the server's control service: one after another with a short
//! stagger, 443 first, so that a clean run costs one handshake and a blocked one little time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use probe_core::control_record::{ControlOutcome, ControlRecord, ListenerState, ServerDescription};
use probe_core::observation::{Failure, FailureKind, Observation, Operation};
use proto::wire;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Campaign, Enough};
use crate::clock::wall_unix_ms;
use crate::control::{ControlChannel, ControlIdentity};
use crate::observe::Pending;
use crate::probe::ProbeContext;

/// How the search ended.
#[derive(Debug)]
pub(super) enum Found {
    Channel {
        channel: Box<ControlChannel>,
        record: ControlRecord,
    },
    None(ControlRecord),
}

impl Found {
    pub(super) fn record(&self) -> ControlRecord {
        match self {
            Self::Channel { record, .. } | Self::None(record) => record.clone(),
        }
    }
}

/// One port's attempt.
#[derive(Debug)]
struct Attempt {
    port: u16,
    observation: Observation,
    result: Result<(ControlChannel, ServerDescription), Failure>,
}

/// Searches until a port answers, all have failed, or there is `enough`.
pub(super) async fn search(
    campaign: &Campaign,
    host: &str,
    address: IpAddr,
    enough: &Enough,
) -> Found {
    let mut attempts = JoinSet::new();
    for (index, port) in campaign.config.plan.dialled_ports().iter().enumerate() {
        let delay = STAGGER * u32::try_from(index).unwrap_or(u32::MAX).min(MOST_STAGGERS);
        let socket = campaign.socket(address, port.get());
        let (identity, context) = (campaign.identity(host), campaign.context.clone());
        attempts.spawn(async move {
            sleep(delay).await;
            attempt(socket, &identity, &context).await
        });
    }
    let mut record = ControlRecord {
        host: host.to_owned(),
        address,
        path: "direct".to_owned(),
        outcome: ControlOutcome::NotReached,
        observations: Vec::new(),
    };
    loop {
        let next = tokio::select! {
            next = attempts.join_next() => next,
            () = campaign.context.cancelled.cancelled() => return Found::None(record),
            () = enough.none_connected.cancelled() => return Found::None(record),
            () = enough.all_testified.cancelled() => {
                record.outcome = ControlOutcome::NotNeeded;
                return Found::None(record);
            }
        };
        let Some(Ok(attempt)) = next else {
            return Found::None(record);
        };
        record.observations.push(attempt.observation);
        let port = attempt.port;
        match attempt.result {
            Ok((channel, description)) => {
                record.outcome = ControlOutcome::Reached { port, description };
                let channel = Box::new(channel);
                return Found::Channel { channel, record };
            }
            Err(failure) => {
                if let Some(outcome) = answer_of_the_genuine(port, &failure) {
                    record.outcome = outcome;
                    return Found::None(record);
                }
            }
        }
    }
}

/// The outcome, where the pinned server itself said no: other ports would say the same.
fn answer_of_the_genuine(port: u16, failure: &Failure) -> Option<ControlOutcome> {
    if failure.kind == FailureKind::KeyRefused {
        return Some(ControlOutcome::KeyRefused { port });
    }
    let text = failure.text.clone().unwrap_or_default();
    (failure.kind == FailureKind::Declined).then_some(ControlOutcome::Declined { port, text })
}

async fn attempt(
    socket: SocketAddr,
    identity: &ControlIdentity,
    context: &ProbeContext,
) -> Attempt {
    let pending = Pending::start(context.clock, Operation::Control, socket.to_string());
    let result = describe(socket, identity, context).await;
    Attempt {
        port: socket.port(),
        observation: match &result {
            Ok(_) => pending.succeeded(),
            Err(failure) => pending.failed(failure.clone()),
        },
        result,
    }
}

async fn describe(
    socket: SocketAddr,
    identity: &ControlIdentity,
    context: &ProbeContext,
) -> Result<(ControlChannel, ServerDescription), Failure> {
    let mut channel = ControlChannel::open(socket, identity, &context.options).await?;
    let asked_us = context.clock.now_us();
    let asked_wall = wall_unix_ms();
    let description = channel.describe().await?;
    let round_trip_us = context.clock.now_us().saturating_sub(asked_us);
    Ok((channel, facts(description, asked_wall, round_trip_us)))
}

fn facts(description: wire::Description, asked_wall: u64, round_trip_us: u64) -> ServerDescription {
    let midway = asked_wall + round_trip_us / 2_000;
    let theirs = i64::try_from(description.time_unix_ms).unwrap_or(i64::MAX);
    let ours = i64::try_from(midway).unwrap_or(i64::MAX);
    ServerDescription {
        version: description.version,
        instance: description.instance,
        listeners: description.listeners.iter().filter_map(listener).collect(),
        your_address: description.your_address.as_ref().and_then(socket_address),
        sees_half_open: description.sees_half_open,
        sees_every_syn: description.sees_every_syn,
        clock_offset_ms: theirs.saturating_sub(ours),
        round_trip_us,
    }
}

fn listener(listener: &wire::Listener) -> Option<ListenerState> {
    let public = u16::try_from(listener.public_port).ok()?;
    Some(ListenerState {
        address: socket_address(listener.address.as_ref()?)?,
        public_port: (public != 0).then_some(public),
        bound: listener.bound,
    })
}

/// The wire's address as std's; absent where it is none.
pub(super) fn socket_address(address: &wire::SocketAddress) -> Option<SocketAddr> {
    let port = u16::try_from(address.port).ok()?;
    let ip = if let Ok(v4) = <[u8; 4]>::try_from(address.ip.as_slice()) {
        IpAddr::from(v4)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(address.ip.as_slice()).ok()?).to_canonical()
    };
    Some(SocketAddr::new(ip, port))
}

/// Long enough for a handshake at 100 ms round trip to be well under way before the next is tried.
const STAGGER: Duration = Duration::from_millis(150);

/// With many ports the later ones go together: a blocked server must not delay a run.
const MOST_STAGGERS: u32 = 8;
