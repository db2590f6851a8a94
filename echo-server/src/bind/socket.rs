//! One listening socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Listen, ListenAddress};

/// A socket that listens, without blocking. `shares_ipv4`: an IPv6 wildcard takes IPv4 as well.
pub(super) fn listening(
    listen: &Listen,
    shares_ipv4: bool,
    reuse_port: bool,
) -> io::Result<Socket> {
    let options = Options {
        shares_ipv4,
        reuse_port,
    };
    match open(listen.address.ip(), listen.port, options) {
        Err(error) if listen.address == ListenAddress::Any && lacks_ipv6(&error) => {
            open(Ipv4Addr::UNSPECIFIED.into(), listen.port, options)
        }
        result => result,
    }
}

#[derive(Clone, Copy)]
struct Options {
    shares_ipv4: bool,
    reuse_port: bool,
}

fn open(ip: IpAddr, port: u16, options: Options) -> io::Result<Socket> {
    let address = SocketAddr::new(ip, port);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if ip.is_ipv6() {
        socket.set_only_v6(!(ip.is_unspecified() && options.shares_ipv4))?;
    }
    // On Windows the first of these lets others steal the port, and the second is not there.
    #[cfg(unix)]
    {
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(options.reuse_port)?;
    }
    #[cfg(not(unix))]
    if options.reuse_port {
        return Err(io::ErrorKind::Unsupported.into());
    }
    prepare(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Sets what every listener needs, opened here or by systemd.
pub(super) fn prepare(socket: &Socket) -> io::Result<()> {
    // Without it the testimony lacks the SYN; that is no reason not to serve.
    if let Err(error) = socket_facts::save_syn(socket) {
        tracing::debug!(%error, "SYNs are not kept");
    }
    // What is late is of no use to a prober. Without it, it is only late.
    let _ = socket.set_tcp_nodelay(true);
    socket.set_nonblocking(true)
}

/// Whether this is what a host without IPv6 says. Anything else is the caller's to hear.
fn lacks_ipv6(error: &io::Error) -> bool {
    #[cfg(unix)]
    let unknown_family =
        error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    #[cfg(not(unix))]
    let unknown_family = error.kind() == io::ErrorKind::Unsupported;
    unknown_family || error.kind() == io::ErrorKind::AddrNotAvailable
}

/// Connections that wait to be accepted; Linux cuts it to `net.core.somaxconn`, 4096 by default. What
/// exceeds it looks like a dropped SYN to clients.
const BACKLOG: i32 = 4096;
