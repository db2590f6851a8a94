//! Listeners and connections on loopback, for the tests with a real kernel.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, SockRef, Socket, Type};

use crate::IpFamily;

pub(super) const FAMILIES: [IpFamily; 2] = [IpFamily::V4, IpFamily::V6];

pub(super) fn domain(family: IpFamily) -> Domain {
    match family {
        IpFamily::V4 => Domain::IPV4,
        IpFamily::V6 => Domain::IPV6,
    }
}

pub(super) fn any_port(family: IpFamily) -> SocketAddr {
    let address: IpAddr = match family {
        IpFamily::V4 => Ipv4Addr::LOCALHOST.into(),
        IpFamily::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(address, 0)
}

/// Returns a socket bound to a port of its own. On a machine without `family`, prints the reason and returns `None`.
pub(super) fn bound(family: IpFamily, kind: Type) -> Option<(Socket, SocketAddr)> {
    let bound = || {
        let socket = Socket::new(domain(family), kind, None)?;
        socket.bind(&any_port(family).into())?;
        let address = socket.local_addr()?;
        io::Result::Ok((socket, address.as_socket().expect("bound to an IP address")))
    };
    match bound() {
        Ok(bound) => Some(bound),
        Err(error) if family == IpFamily::V6 && is_absence(&error) => {
            println!("skipped: this machine has no IPv6 ({error})");
            None
        }
        Err(error) => panic!("{family:?}: {error}"),
    }
}

pub(super) fn listener(family: IpFamily) -> Option<(TcpListener, SocketAddr)> {
    let (socket, address) = bound(family, Type::STREAM)?;
    socket.listen(8).unwrap();
    Some((socket.into(), address))
}

/// Returns a client that `mark` prepared, connected to `listener`, and the connection that the listener accepted.
pub(super) fn connect(
    listener: &TcpListener,
    mark: impl FnOnce(&Socket),
) -> (TcpStream, TcpStream) {
    let address = listener.local_addr().unwrap();
    let client = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    mark(&client);
    client.connect(&address.into()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    SockRef::from(&accepted).set_tcp_nodelay(true).unwrap();
    (client.into(), accepted)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)
    )
}
