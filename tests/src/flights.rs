//! Lists, for each session kind, how many bytes each side sends before it has to wait for the other side. The order of
//! these turns is that of docs/develop/wire.md.
//!
//! The sizes were measured in a session and rounded; what matters is the number of turns.

use probe_core::session_kind::SessionKind;

/// The bytes that the client sends, and then those that the server sends.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub up: usize,
    pub down: usize,
}

/// The upper bound of `up` and of `down`.
pub const LARGEST: usize = 128 * 1024;

/// Returns the turns of a clean session of `kind`, after the TCP handshake.
pub fn of(kind: SessionKind) -> &'static [Turn] {
    match kind {
        SessionKind::Tcp => &[GREETING, EXCHANGE, FAREWELL],
        SessionKind::Tls => &[TLS, GREETING, EXCHANGE, FAREWELL],
        SessionKind::Http => HTTP,
        SessionKind::Https => HTTPS,
        SessionKind::Rdp => RDP,
        SessionKind::Nettcp => NETTCP,
    }
}

const fn turn(up: usize, down: usize) -> Turn {
    Turn { up, down }
}

/// The TLS handshake: the client sends its ClientHello, and the server everything up to its Finished. The client's
/// Finished is sent together with its next bytes.
const TLS: Turn = turn(325, 1_100);
const GREETING: Turn = turn(1_032, 600);
/// All four stages of the dialogue with their confirmations.
const EXCHANGE: Turn = turn(91_320, 91_500);
const FAREWELL: Turn = turn(230, 90);

const RDP: &[Turn] = &[turn(43, 19), TLS, GREETING, EXCHANGE, FAREWELL];
const NETTCP: &[Turn] = &[
    turn(98, 1),
    TLS,
    turn(104, 23),
    GREETING,
    EXCHANGE,
    turn(330, 150),
];
const HTTP: &[Turn] = &[
    turn(1_240, 1_000),
    turn(1_300, 1_100),
    turn(2_300, 2_100),
    turn(25_900, 25_700),
    turn(66_800, 66_600),
    turn(1_480, 1_000),
];
const HTTPS: &[Turn] = &[
    TLS,
    turn(1_240, 1_000),
    turn(1_300, 1_100),
    turn(2_300, 2_100),
    turn(25_900, 25_700),
    turn(66_800, 66_600),
    turn(1_480, 1_000),
];
