//! Tests ICMP errors without privileges, with datagrams to a loopback port on which nobody listens.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use socket2::Socket;

use super::*;

/// Limits how long a failing test waits; the answer comes at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Binds a UDP port that no other test gets and that accepts no datagrams: it is connected to itself, so it answers
/// others with "port unreachable".
fn deaf(family: IpFamily) -> Option<(UdpSocket, SocketAddr)> {
    let (socket, address) = bound(family, Type::DGRAM)?;
    let socket = UdpSocket::from(socket);
    socket.connect(address).unwrap();
    Some((socket, address))
}

/// Sends from a socket of family `own` to `target`, and waits until the refusal has come back.
fn refused_by(own: IpFamily, target: SocketAddr) -> UdpSocket {
    let socket = Socket::new(domain(own), Type::DGRAM, None).unwrap();
    set_recv_err(&socket, target.into()).unwrap();
    socket.connect(&target.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let socket = UdpSocket::from(socket);
    socket.send(b"?").unwrap();
    let refusal = socket.recv(&mut [0; 1]).unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::ConnectionRefused);
    socket
}

#[test]
fn names_who_answered_and_what() {
    for (family, origin) in [
        (IpFamily::V4, ErrorOrigin::Icmp { kind: 3, code: 3 }),
        (IpFamily::V6, ErrorOrigin::Icmp6 { kind: 1, code: 4 }),
    ] {
        let Some((_deaf, address)) = deaf(family) else {
            continue;
        };
        let socket = refused_by(family, address);
        assert_eq!(
            drain_error_queue(&socket).unwrap(),
            [SocketError {
                errno: libc::ECONNREFUSED,
                origin,
                offender: Some(address.ip()),
                mtu: None,
            }]
        );
        assert_eq!(drain_error_queue(&socket).unwrap(), []);
    }
}

#[test]
fn a_dual_stack_socket_reports_ipv4_as_ipv4() {
    if bound(IpFamily::V6, Type::DGRAM).is_none() {
        return;
    }
    let (_deaf, address) = deaf(IpFamily::V4).unwrap();
    let IpAddr::V4(ip) = address.ip() else {
        panic!("{address} is not IPv4")
    };
    let mapped = SocketAddr::new(ip.to_ipv6_mapped().into(), address.port());
    let entries = drain_error_queue(&refused_by(IpFamily::V6, mapped)).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].origin, ErrorOrigin::Icmp { kind: 3, code: 3 });
    assert_eq!(entries[0].offender, Some(address.ip()));
}

/// Sends `count` datagrams that this host itself rejects as too big. Returns `None` without IPv6.
fn too_big(count: usize) -> Option<UdpSocket> {
    let (_deaf, address) = deaf(IpFamily::V6)?;
    let (socket, _) = bound(IpFamily::V6, Type::DGRAM)?;
    set_recv_err(&socket, IpFamily::V6).unwrap();
    socket.connect(&address.into()).unwrap();
    for (name, value) in [(libc::IPV6_DONTFRAG, 1), (libc::IPV6_MTU, 1280)] {
        option::write(&socket, libc::IPPROTO_IPV6, name, value).unwrap();
    }
    for _ in 0..count {
        let refusal = socket.send(&[0; 2000]).unwrap_err();
        assert_eq!(refusal.raw_os_error(), Some(libc::EMSGSIZE));
    }
    Some(socket.into())
}

#[test]
fn a_local_error_has_no_offender() {
    let Some(socket) = too_big(1) else {
        return;
    };
    assert_eq!(
        drain_error_queue(&socket).unwrap(),
        [SocketError {
            errno: libc::EMSGSIZE,
            origin: ErrorOrigin::Local,
            offender: None,
            mtu: Some(1280),
        }]
    );
}

#[test]
fn takes_no_more_than_its_bound() {
    let Some(socket) = too_big(ERROR_QUEUE_MAX + 1) else {
        return;
    };
    assert_eq!(drain_error_queue(&socket).unwrap().len(), ERROR_QUEUE_MAX);
    assert_eq!(drain_error_queue(&socket).unwrap().len(), 1);
}

#[test]
fn a_reset_is_no_message_from_the_way() {
    for family in FAMILIES {
        // The port is bound but not listening, so the kernel answers with RST.
        let Some((_closed, address)) = bound(family, Type::STREAM) else {
            continue;
        };
        let client = Socket::new(domain(family), Type::STREAM, None).unwrap();
        set_recv_err(&client, family).unwrap();
        let refused = client.connect(&address.into()).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(libc::ECONNREFUSED));
        assert_eq!(drain_error_queue(&client).unwrap(), []);
    }
}

#[test]
fn once_cleared_nothing_more_is_queued() {
    for family in FAMILIES {
        let Some((_deaf, address)) = deaf(family) else {
            continue;
        };
        let socket = refused_by(family, address);
        drain_error_queue(&socket).unwrap();
        clear_recv_err(&socket, family).unwrap();
        socket.send(b"?").unwrap();
        let refusal = socket.recv(&mut [0; 1]).unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(drain_error_queue(&socket).unwrap(), []);
    }
}
