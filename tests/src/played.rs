//! Plays the session of an authenticated client over a blocking stream.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use probe_core::session::{ClientSession, Need, SessionParameters, Stage};
use probe_core::session_kind::SessionKind;

use crate::{Connection, WATCHDOG};

/// Moves bytes between `session` and `stream`, until `done` returns true or the session needs something other than I/O.
/// `need` is what the session needs at the start.
///
/// # Errors
/// Fails if the session or the stream fails.
pub fn play(
    session: &mut ClientSession,
    mut need: Need,
    stream: &mut (impl Read + Write),
    done: impl Fn(&ClientSession) -> bool,
) -> anyhow::Result<Need> {
    let (mut outgoing, mut incoming) = (Vec::new(), [0; 4096]);
    while need == Need::Io && !done(session) {
        while session.transmit(&mut outgoing, incoming.len()) > 0 {}
        stream.write_all(&outgoing)?;
        outgoing.clear();
        need = match stream.read(&mut incoming)? {
            0 => bail!("closed in phase {:?}", session.report().phase),
            n => session.receive(NOW, &incoming[..n]),
        };
    }
    if need == Need::Failed {
        bail!("turned away: {:?}", session.report().fault);
    }
    Ok(need)
}

/// Returns the parameters of a raw session at `address` that holds the connection for longer than any test lasts.
pub fn parameters(address: SocketAddr, connection: &Connection) -> SessionParameters {
    let connection = connection.inner();
    SessionParameters {
        kind: SessionKind::Tcp,
        key_id: connection.key_id.clone(),
        secret: connection.secret.clone(),
        run_id: rand::random(),
        session_id: rand::random(),
        nonces: Box::new(rand::random),
        port_dialled: address.port(),
        path_text: "direct".to_owned(),
        host: address.ip().to_string(),
        net_tcp: None,
        cookie: String::new(),
        hop_limit_mark: None,
        hold: Some(WATCHDOG),
        stages: vec![Stage::both(1)],
        wall_unix_ms: 0,
    }
}

/// The time that is passed to sessions: they only compare times, and in these tests no time passes.
pub const NOW: Duration = Duration::ZERO;
