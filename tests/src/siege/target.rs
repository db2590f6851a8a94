//! What attackers know about a server, and how they connect to it.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::greeting;
use super::ground::Sources;
use crate::{Connection, WATCHDOG};

/// A server under siege.
#[derive(Debug)]
pub struct Target {
    pub address: SocketAddr,
    /// The attacker's own key, which the server accepts.
    pub insider: Connection,
    /// The authenticated client's connection string.
    pub(super) connection: Connection,
    pub(super) sources: Sources,
    pub(super) turns: AtomicU16,
    pub(super) over: AtomicBool,
}

impl Target {
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Opens a connection from an address that no authenticated client uses.
    ///
    /// # Errors
    /// Fails if the server cannot be reached.
    pub fn connect(&self) -> anyhow::Result<TcpStream> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        connect_from(self.sources.address(self.address.ip(), turn), self.address)
    }

    /// Opens a connection from the address of the authenticated client.
    ///
    /// # Errors
    /// Fails if the server cannot be reached.
    pub fn connect_beside_client(&self) -> anyhow::Result<TcpStream> {
        connect_from(self.address.ip(), self.address)
    }

    /// Returns the first bytes of a plain session with the authenticated client's key.
    ///
    /// # Errors
    /// Fails if the session cannot be made.
    pub fn greeting(&self) -> anyhow::Result<Vec<u8>> {
        greeting(self.address, &self.connection)
    }

    /// Returns the first bytes of a plain session with the authenticated client's key id and a wrong secret.
    ///
    /// # Errors
    /// Fails if the session cannot be made.
    pub fn forged_greeting(&self) -> anyhow::Result<Vec<u8>> {
        let forger = self.connection.clone().with_another_secret();
        greeting(self.address, &forger)
    }
}

/// Opens a connection from `ip` that is reset when it is closed, and so disappears at once.
pub(super) fn connect_from(ip: IpAddr, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(ip, 0).into())?;
    // After a reset, neither side keeps the connection's ports in TIME_WAIT.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect_timeout(&to.into(), WATCHDOG)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(WATCHDOG))?;
    stream.set_write_timeout(Some(WATCHDOG))?;
    Ok(stream)
}
