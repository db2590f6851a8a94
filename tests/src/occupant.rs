//! A session that stays: a known client that has finished its exchange and holds the connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{bail, ensure};
use probe_core::session::{ClientSession, Need, Phase, SessionParameters, Stage};
use probe_core::session_kind::SessionKind;

use crate::{Connection, WATCHDOG};

/// Holds one of the server's sessions until dropped.
#[derive(Debug)]
pub struct Occupant {
    _stream: TcpStream,
}

impl Occupant {
    /// Opens a raw session at `address` and stays in it.
    ///
    /// # Errors
    /// The server does not let it in.
    pub fn enter(address: SocketAddr, connection: &Connection) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(WATCHDOG))?;
        let (mut session, mut need) = ClientSession::new(parameters(address, connection), NOW)?;
        let mut incoming = [0; 4096];
        loop {
            ensure!(
                need == Need::Io,
                "turned away: {need:?}, {:?}",
                session.report().fault
            );
            if session.report().phase == Phase::Holding {
                return Ok(Self { _stream: stream });
            }
            let mut outgoing = Vec::new();
            while session.transmit(&mut outgoing, incoming.len()) > 0 {
                stream.write_all(&outgoing)?;
                outgoing.clear();
            }
            match stream.read(&mut incoming)? {
                0 => bail!("closed in phase {:?}", session.report().phase),
                n => need = session.receive(NOW, &incoming[..n]),
            }
        }
    }
}

pub(crate) fn parameters(address: SocketAddr, connection: &Connection) -> SessionParameters {
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

/// The session only ever compares times, and here none passes.
const NOW: Duration = Duration::ZERO;
