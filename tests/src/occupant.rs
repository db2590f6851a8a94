//! A session that stays open: an authenticated client that has finished its exchange and holds the connection.

use std::net::{SocketAddr, TcpStream};

use probe_core::session::{ClientSession, Phase};

use crate::played::{NOW, parameters, play};
use crate::{Connection, WATCHDOG};

/// Holds one of the server's sessions until dropped.
#[derive(Debug)]
pub struct Occupant {
    _stream: TcpStream,
}

impl Occupant {
    /// Opens a raw session at `address` and holds it.
    ///
    /// # Errors
    /// Fails if the server does not admit the session.
    pub fn enter(address: SocketAddr, connection: &Connection) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(WATCHDOG))?;
        let (mut session, need) = ClientSession::new(parameters(address, connection), NOW)?;
        play(&mut session, need, &mut stream, |session| {
            session.report().phase == Phase::Holding
        })?;
        Ok(Self { _stream: stream })
    }
}
