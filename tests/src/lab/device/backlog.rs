//! So many connections that a server's host takes no more: its queue of those which the program has
//! not taken yet is full.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};

/// Connections to each of `ports`, until one is not answered any more.
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

/// Longer than a SYN that is sent again takes.
const SILENCE: Duration = Duration::from_millis(1500);

/// Far more than a queue holds whose length is 1.
const MOST: usize = 64;
