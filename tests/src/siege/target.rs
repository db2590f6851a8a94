//! What attackers know, and how they get there.

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
    /// A key of the attacker's own, which is as good as any.
    pub insider: Connection,
    /// The known client's.
    pub(super) connection: Connection,
    pub(super) sources: Sources,
    pub(super) turns: AtomicU16,
    pub(super) over: AtomicBool,
}

impl Target {
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A connection from an address that no known client has.
    ///
    /// # Errors
    /// None is to be had.
    pub fn connect(&self) -> anyhow::Result<TcpStream> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        connect_from(self.sources.address(self.address.ip(), turn), self.address)
    }

    /// A connection from the address that the known client has.
    ///
    /// # Errors
    /// None is to be had.
    pub fn connect_beside_client(&self) -> anyhow::Result<TcpStream> {
        connect_from(self.address.ip(), self.address)
    }

    /// What a client's plain session begins with; its key is the known client's.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn greeting(&self) -> anyhow::Result<Vec<u8>> {
        greeting(self.address, &self.connection)
    }

    /// The same under that key's id with another secret.
    ///
    /// # Errors
    /// The session cannot be made.
    pub fn forged_greeting(&self) -> anyhow::Result<Vec<u8>> {
        let forger = self.connection.clone().with_another_secret();
        greeting(self.address, &forger)
    }
}

/// A connection from `ip` that ends with a reset, and with it at once.
pub(super) fn connect_from(ip: IpAddr, to: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(ip, 0).into())?;
    // Neither side keeps the ports of a connection that ends with a reset.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect_timeout(&to.into(), WATCHDOG)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(WATCHDOG))?;
    stream.set_write_timeout(Some(WATCHDOG))?;
    Ok(stream)
}
