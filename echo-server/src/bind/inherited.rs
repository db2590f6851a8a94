//! Listening sockets that systemd has opened for this process, so that it needs no right to low ports.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;

use socket2::Socket;

use super::socket;
use crate::config::{Listen, ListenAddress};

/// The inherited sockets that no listener of the configuration has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Inherited(Vec<(SocketAddr, TcpListener)>);

impl Inherited {
    /// Returns the sockets that `LISTEN_FDS` announces (sd_listen_fds(3)).
    ///
    /// # Errors
    /// A socket is not a listening TCP socket, or its local address cannot be read.
    #[cfg(target_os = "linux")]
    pub(crate) fn from_environment() -> io::Result<Self> {
        let mut passed = listenfd::ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..passed.len() {
            if let Some(listener) = passed.take_tcp_listener(index)? {
                sockets.push((listener.local_addr()?, listener));
            }
        }
        Ok(Self(sockets))
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn from_environment() -> io::Result<Self> {
        Ok(Self::default())
    }

    /// Takes the socket that matches `listen`, and sets the options that a listener needs.
    ///
    /// # Errors
    /// The socket rejects an option that a listener needs.
    pub(super) fn take(&mut self, listen: &Listen) -> io::Result<Option<TcpListener>> {
        let stands_for = |address: &SocketAddr| {
            let same_address = match listen.address {
                ListenAddress::Any => address.ip().is_unspecified(),
                ListenAddress::One(ip) => address.ip().to_canonical() == ip,
            };
            same_address && address.port() == listen.port
        };
        let Some(at) = self.0.iter().position(|(address, _)| stands_for(address)) else {
            return Ok(None);
        };
        let (_, listener) = self.0.swap_remove(at);
        let socket = Socket::from(listener);
        socket::prepare(&socket)?;
        Ok(Some(socket.into()))
    }

    /// Returns the addresses of sockets that no listener has taken, on which no connection will be answered.
    pub(super) fn left(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|(address, _)| *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited(listeners: impl IntoIterator<Item = TcpListener>) -> Inherited {
        let listeners = listeners.into_iter();
        Inherited(
            listeners
                .map(|listener| (listener.local_addr().unwrap(), listener))
                .collect(),
        )
    }

    #[test]
    fn a_socket_stands_for_the_listener_of_its_address_and_port_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut inherited = inherited([listener]);
        for other in [
            Listen::any(address.port()),
            Listen::on(SocketAddr::new(address.ip(), address.port() ^ 1)),
        ] {
            assert!(inherited.take(&other).unwrap().is_none());
        }
        assert_eq!(inherited.left().collect::<Vec<_>>(), [address]);
        let taken = inherited.take(&Listen::on(address)).unwrap().unwrap();
        assert_eq!(taken.local_addr().unwrap(), address);
        assert_eq!(inherited.left().count(), 0);
    }
}
