//! The times and sizes that bound a session, each with its reason.

use std::time::Duration;

use proto::limits::{MAX_HOLD, MAX_STAGE_BYTES, MAX_STAGES};

/// The limits that a server's admin may change. [`Limits::default`] is right for nearly all servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The time from accept to the first byte.
    pub first_byte: Duration,
    /// The time from accept to an authenticated greeting, TLS handshake included. A connection that the server meets
    /// with silence is kept for as long.
    pub greeting: Duration,
    /// The time from the first authenticated greeting to the first MAC over the server's nonce.
    pub answer: Duration,
    /// The time between two pieces of one stage's payload.
    pub stage_gap: Duration,
    /// The time between two frames or requests, in addition to the announced hold.
    pub idle: Duration,
    /// The time in which the peer has to read some of the bytes that it asked for.
    pub write_stall: Duration,
    /// The time from the decision to close until unsent bytes are dropped.
    pub linger: Duration,
    /// The longest announced hold that the server honours.
    pub max_hold: Duration,
    /// The time from accept to the end of the session, which holds even while bytes still arrive.
    pub lifetime: Duration,
    /// The payload of a session in bytes, both directions together.
    pub session_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: FIRST_BYTE,
            greeting: GREETING,
            answer: ANSWER,
            stage_gap: STAGE_GAP,
            idle: IDLE,
            write_stall: WRITE_STALL,
            linger: LINGER,
            max_hold: MAX_HOLD,
            lifetime: LIFETIME,
            session_bytes: SESSION_BYTES,
        }
    }
}

/// The time to the first byte. A lost handshake ACK or first segment is sent again after 1, 3 and 7 s (RFC 6298): this
/// allows three losses in a row.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// The time to the greeting, as long as [`FIRST_BYTE`]: clients send the greeting with or right after the first bytes.
const GREETING: Duration = Duration::from_secs(10);
/// The time to the first MAC. A replayed greeting must not hold a connection for longer than garbage does.
const ANSWER: Duration = Duration::from_secs(10);
/// The time between pieces of payload, which comes without pauses. If a round trip takes seconds, this allows two
/// losses in a row before the server reports the bytes that came.
const STAGE_GAP: Duration = Duration::from_secs(10);
/// The time between frames, longer than a client waits without progress before it gives the session up.
const IDLE: Duration = Duration::from_secs(15);
/// The time for four retransmissions; later ones change no verdict.
const WRITE_STALL: Duration = Duration::from_secs(20);
/// The time for one or two retransmissions of the last bytes.
const LINGER: Duration = Duration::from_secs(5);
/// The time for the longest hold, with an exchange before it and one after it.
const LIFETIME: Duration = MAX_HOLD.saturating_add(Duration::from_secs(10 * 60));
/// The payload of every stage at its largest, both ways.
const SESSION_BYTES: u64 = 2 * MAX_STAGES as u64 * MAX_STAGE_BYTES as u64;
