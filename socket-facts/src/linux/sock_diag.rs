//! `NETLINK_SOCK_DIAG` (sock_diag(7)) lists the kernel's table of connections, filtered by the kernel.
//!
//! With 18,000 connections it is ten times cheaper than reading /proc/net/tcp, and no more expensive with many in
//! TIME-WAIT. The layouts are those of `include/uapi/linux/{netlink,inet_diag}.h`.

use std::ffi::c_int;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::{HALF_OPEN_MAX, HalfOpen, HalfOpenView};

/// The contents of one datagram of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    connections: Vec<HalfOpen>,
    /// The list changed while it was read.
    interrupted: bool,
    end: bool,
}

pub(super) fn half_open_of(local_ports: &[u16]) -> io::Result<Vec<HalfOpenView>> {
    let empty = HalfOpenView {
        connections: Vec::new(),
        complete: true,
    };
    let mut views = vec![empty; local_ports.len()];
    for family in [libc::AF_INET, libc::AF_INET6] {
        dump(family, local_ports, &mut views)?;
    }
    Ok(views)
}

fn dump(family: c_int, local_ports: &[u16], views: &mut [HalfOpenView]) -> io::Result<()> {
    let mut socket = Socket::new(
        Domain::from(libc::AF_NETLINK),
        Type::DGRAM,
        Some(Protocol::from(libc::NETLINK_SOCK_DIAG)),
    )?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    // The kernel filters by one port or by none.
    let port = match local_ports {
        [port] => *port,
        _ => ANY_PORT,
    };
    socket.send(&request(family, port))?;
    let mut buffer = vec![0; DATAGRAM_MAX];
    for _ in 0..DATAGRAMS_MAX {
        let length = socket.read(&mut buffer)?;
        let part = parse(&buffer[..length], local_ports)?;
        if part.interrupted {
            views.iter_mut().for_each(|view| view.complete = false);
        }
        sort(part.connections, local_ports, views);
        let all_full = views
            .iter()
            .all(|view| view.connections.len() >= HALF_OPEN_MAX && !view.complete);
        if part.end || all_full {
            return Ok(());
        }
    }
    views.iter_mut().for_each(|view| view.complete = false);
    Ok(())
}

/// Adds each connection to the list of its port, up to the maximum length.
fn sort(connections: Vec<HalfOpen>, local_ports: &[u16], views: &mut [HalfOpenView]) {
    for connection in connections {
        let mut of_port = local_ports.iter().zip(views.iter_mut());
        let found = of_port.find(|(port, _)| **port == connection.local.port());
        if let Some((_, view)) = found {
            if view.connections.len() < HALF_OPEN_MAX {
                view.connections.push(connection);
            } else {
                view.complete = false;
            }
        }
    }
}

/// Returns a request: `struct nlmsghdr` and `struct inet_diag_req_v2`, with ports and addresses in network order.
fn request(family: c_int, local_port: u16) -> [u8; REQUEST] {
    let mut request = [0; REQUEST];
    request[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&FLAGS_REQUEST_DUMP.to_ne_bytes());
    request[16] = family as u8;
    request[17] = libc::IPPROTO_TCP as u8;
    request[20..24].copy_from_slice(&(1_u32 << TCP_SYN_RECV).to_ne_bytes());
    request[24..26].copy_from_slice(&local_port.to_be_bytes());
    request
}

/// Walks the messages of one datagram, each padded to four bytes.
fn parse(mut datagram: &[u8], local_ports: &[u16]) -> io::Result<Part> {
    let mut part = Part {
        connections: Vec::new(),
        interrupted: false,
        end: false,
    };
    while !datagram.is_empty() {
        let header: &[u8; HEADER] = datagram.first_chunk().ok_or(MALFORMED)?;
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let body = datagram.get(HEADER..length).ok_or(MALFORMED)?;
        let flags = u16::from_ne_bytes([header[6], header[7]]);
        part.interrupted |= flags & FLAG_DUMP_INTERRUPTED != 0;
        match u16::from_ne_bytes([header[4], header[5]]) {
            SOCK_DIAG_BY_FAMILY => {
                let (state, found) = connection(body).ok_or(MALFORMED)?;
                if state == TCP_SYN_RECV && local_ports.contains(&found.local.port()) {
                    part.connections.push(found);
                }
            }
            MESSAGE_DONE | MESSAGE_ERROR => {
                status(body)?;
                part.end = true;
            }
            _ => {}
        }
        datagram = datagram
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
    }
    Ok(part)
}

/// Reads state and endpoints from `struct inet_diag_msg`.
fn connection(message: &[u8]) -> Option<(u8, HalfOpen)> {
    let message: &[u8; DIAG_MESSAGE] = message.first_chunk()?;
    let family = c_int::from(message[0]);
    let endpoint = |port_at: usize, address_at: usize| {
        let port = u16::from_be_bytes([message[port_at], message[port_at + 1]]);
        let address = ip_address(family, &message[address_at..])?;
        Some(SocketAddr::new(address, port))
    };
    let connection = HalfOpen {
        local: endpoint(4, 8)?,
        peer: endpoint(6, 24)?,
    };
    Some((message[1], connection))
}

fn ip_address(family: c_int, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        libc::AF_INET => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        libc::AF_INET6 => {
            Some(IpAddr::from(Ipv6Addr::from(*bytes.first_chunk::<16>()?)).to_canonical())
        }
        _ => None,
    }
}

/// Reads a status: the end of a dump and `struct nlmsgerr` both begin with zero or a negative errno.
fn status(body: &[u8]) -> io::Result<()> {
    match i32::from_ne_bytes(*body.first_chunk().ok_or(MALFORMED)?) {
        0.. => Ok(()),
        refused => Err(io::Error::from_raw_os_error(refused.saturating_neg())),
    }
}

const MALFORMED: io::ErrorKind = io::ErrorKind::InvalidData;

/// How long to wait for an answer. The kernel answers immediately; the limit only protects against one that does not.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// The length of the largest datagram that the kernel sends in a dump.
const DATAGRAM_MAX: usize = 32 * 1024;
/// The maximum number of datagrams. Each except the last contains at least one connection, and some hundred if there
/// are many.
const DATAGRAMS_MAX: usize = HALF_OPEN_MAX + 2;

/// The port number in a request that matches any port.
const ANY_PORT: u16 = 0;

const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
const DIAG_MESSAGE: usize = 72;

const MESSAGE_ERROR: u16 = 2;
const MESSAGE_DONE: u16 = 3;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const FLAGS_REQUEST_DUMP: u16 = 0x0301;
const FLAG_DUMP_INTERRUPTED: u16 = 0x10;
const TCP_SYN_RECV: u8 = 3;

#[cfg(test)]
mod tests;
