//! Opens one listening socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Listen, ListenAddress};

/// Returns a non-blocking socket that listens. With `shares_ipv4`, an IPv6 wildcard also accepts IPv4.
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
    // On Windows, SO_REUSEADDR would let other programs take over the port, and SO_REUSEPORT does not exist.
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

/// Sets the options that every listener needs, whether opened here or by systemd.
pub(super) fn prepare(socket: &Socket) -> io::Result<()> {
    // Without this option the testimony lacks the SYN. The server can still serve.
    if let Err(error) = socket_facts::save_syn(socket) {
        tracing::debug!(%error, "SYNs are not kept");
    }
    // Probes need their data without delay. If the option cannot be set, data only comes later.
    let _ = socket.set_tcp_nodelay(true);
    socket.set_nonblocking(true)
}

/// Returns whether a host without IPv6 returns this error. The caller reports any other error.
fn lacks_ipv6(error: &io::Error) -> bool {
    #[cfg(unix)]
    let unknown_family =
        error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    #[cfg(not(unix))]
    let unknown_family = error.kind() == io::ErrorKind::Unsupported;
    unknown_family || error.kind() == io::ErrorKind::AddrNotAvailable
}

/// The number of connections that may wait to be accepted. Linux limits it to `net.core.somaxconn`, 4096 by default.
/// Connections beyond it look like a dropped SYN to clients.
const BACKLOG: i32 = 4096;
