//! Converts a server's description of itself to the form that a run document keeps.

use proto::wire;

use crate::control_record::{ListenerState, ServerDescription};

/// The time at which the server answered, by this host's clock.
#[derive(Clone, Copy, Debug)]
pub struct AnswerTime {
    /// Microseconds since the run's start.
    pub at_us: u64,
    /// Milliseconds since 1970.
    pub at_unix_ms: u64,
    pub round_trip_us: u64,
}

/// Converts the server's description. Parts of it that are not valid are left out.
pub fn told(description: wire::Description, answered: AnswerTime) -> ServerDescription {
    let theirs = i64::try_from(description.time_unix_ms).unwrap_or(i64::MAX);
    let ours = i64::try_from(answered.at_unix_ms).unwrap_or(i64::MAX);
    ServerDescription {
        version: description.version,
        instance: description.instance,
        listeners: description.listeners.iter().filter_map(listener).collect(),
        your_address: description
            .your_address
            .as_ref()
            .and_then(|a| a.try_into().ok()),
        sees_half_open: description.sees_half_open,
        sees_every_syn: description.sees_every_syn,
        clock_offset_ms: theirs.saturating_sub(ours),
        round_trip_us: answered.round_trip_us,
        began_us: description.up_ms.map(|ms| began_us(answered.at_us, ms)),
    }
}

/// Returns the start of a process that had been up for `up_ms` at `at_us`, in microseconds since the run's start.
fn began_us(at_us: u64, up_ms: u64) -> i64 {
    let at = i64::try_from(at_us).unwrap_or(i64::MAX);
    let up = i64::try_from(up_ms.saturating_mul(1_000)).unwrap_or(i64::MAX);
    at.saturating_sub(up)
}

fn listener(listener: &wire::Listener) -> Option<ListenerState> {
    let public = u16::try_from(listener.public_port).ok()?;
    Some(ListenerState {
        address: listener.address.as_ref()?.try_into().ok()?,
        public_port: (public != 0).then_some(public),
        bound: listener.bound,
    })
}
