//! Fills the accept queue of the server's host with connections that the server does not accept, until the host takes
//! no more.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Opens connections to each of `ports`, until one gets no answer.
pub(super) fn fill(server: IpAddr, ports: &[u16]) -> anyhow::Result<Vec<TcpStream>> {
    let mut all = Vec::new();
    for port in ports {
        all.extend(fill_one(SocketAddr::new(server, *port))?);
    }
    Ok(all)
}

fn fill_one(address: SocketAddr) -> anyhow::Result<Vec<TcpStream>> {
    let mut taken = Vec::new();
    while taken.len() < MOST {
        match TcpStream::connect_timeout(&address, SILENCE) {
            Ok(stream) => taken.push(stream),
            Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(taken),
            Err(error) => return Err(error).with_context(|| address.to_string()),
        }
    }
    bail!("{address} still takes connections after {MOST}")
}

/// A time longer than the kernel waits before it first retransmits a SYN.
const SILENCE: Duration = Duration::from_millis(1500);

/// A number far above the length of an accept queue whose backlog is 1.
const MOST: usize = 64;
