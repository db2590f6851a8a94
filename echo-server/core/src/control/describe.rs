//! The description of the server for an authenticated caller.

use std::net::SocketAddr;
use std::time::Duration;

use proto::wire;
use proto::wire::Description;

use crate::admission::AdmissionLimits;
use crate::session::Limits;
use crate::time::UnixMillis;

/// The facts about the server as a whole, which the shell knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceFacts {
    pub version: String,
    pub instance: String,
    pub listeners: Vec<ListenerFacts>,
    pub admission: AdmissionLimits,
    pub session: Limits,
    /// Whether the server notices SYNs without a completed handshake.
    pub sees_half_open: bool,
    /// Whether the server also notices SYNs that this host's own firewall drops.
    pub sees_every_syn: bool,
}

/// One address that the server was configured to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerFacts {
    pub address: SocketAddr,
    /// The port that clients dial to reach this address, if it differs from the address's own.
    pub public_port: Option<u16>,
    /// Whether the address was bound. If it was not, connections to it are reset.
    pub bound: bool,
}

/// Returns the answer to `Describe`. `up` is the time since the process started; `caller` is the peer address of the
/// connection that carried the call.
pub fn describe(
    facts: &InstanceFacts,
    wall: UnixMillis,
    up: Duration,
    caller: SocketAddr,
) -> Description {
    Description {
        version: facts.version.clone(),
        instance: facts.instance.clone(),
        time_unix_ms: wall.0,
        listeners: facts.listeners.iter().map(listener).collect(),
        limits: Some(wire::Limits {
            sessions: saturated(facts.admission.sessions),
            sessions_per_key: saturated(facts.admission.per_key),
            session_seconds: seconds(facts.session.lifetime),
            session_bytes: facts.session.session_bytes,
        }),
        your_address: Some(caller.into()),
        sees_half_open: facts.sees_half_open,
        sees_every_syn: facts.sees_every_syn,
        up_ms: u64::try_from(up.as_millis()).ok(),
    }
}

fn listener(facts: &ListenerFacts) -> wire::Listener {
    let port = facts.public_port.unwrap_or_else(|| facts.address.port());
    wire::Listener {
        address: Some(facts.address.into()),
        public_port: port.into(),
        bound: facts.bound,
    }
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
