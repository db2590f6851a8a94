//! The times and sizes that bound a session, each with its reason.

use std::time::Duration;

use proto::limits::{MAX_HOLD, MAX_STAGE_BYTES, MAX_STAGES};

/// What a server's operator may change; [`Limits::default`] is right for nearly all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to the first byte.
    pub first_byte: Duration,
    /// From accept to an authenticated greeting, TLS handshake included. Strangers are kept in
    /// silence for as long.
    pub greeting: Duration,
    /// From the first authenticated greeting to the first MAC over the server's nonce.
    pub answer: Duration,
    /// Between two pieces of one stage's payload.
    pub stage_gap: Duration,
    /// Between two frames or requests, beyond the hold that was announced.
    pub idle: Duration,
    /// For the peer to read anything of what it asked for.
    pub write_stall: Duration,
    /// From the decision to close until unsent bytes are given up.
    pub linger: Duration,
    /// The longest announced hold that is honoured.
    pub max_hold: Duration,
    /// From accept, whatever happens.
    pub lifetime: Duration,
    /// Payload of a session, both directions together.
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

/// A lost handshake ACK or first segment is sent again after 1, 3 and 7 s (RFC 6298): three losses
/// in a row are waited for.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// As long as [`FIRST_BYTE`]: clients send the greeting with or right after the first bytes.
const GREETING: Duration = Duration::from_secs(10);
/// A replayed greeting must not hold a connection for longer than garbage does.
const ANSWER: Duration = Duration::from_secs(10);
/// Payload comes in one go; where a round trip takes seconds, two losses in a row are waited for
/// before what came is reported.
const STAGE_GAP: Duration = Duration::from_secs(10);
/// Longer than a client waits while nothing moves before it gives the session up.
const IDLE: Duration = Duration::from_secs(15);
/// Four retransmissions: later ones change no verdict.
const WRITE_STALL: Duration = Duration::from_secs(20);
/// One retransmission or two, for the last bytes.
const LINGER: Duration = Duration::from_secs(5);
/// The longest hold, and an exchange before and after it.
const LIFETIME: Duration = MAX_HOLD.saturating_add(Duration::from_secs(10 * 60));
/// Every stage at its largest, both ways.
const SESSION_BYTES: u64 = 2 * MAX_STAGES as u64 * MAX_STAGE_BYTES as u64;
