//! Tests half-open connections without privileges or loss: a listener with `TCP_DEFER_ACCEPT` does not complete the
//! handshake until the client sends data.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use socket2::{SockRef, Socket};

use super::super::kept_by;
use super::*;

/// The time to defer in seconds, longer than the test.
const DEFER: i32 = 60;

fn defer(listener: &TcpListener) {
    let socket = SockRef::from(listener);
    option::write(&socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, DEFER).unwrap();
}

fn assert_listed(client: &TcpStream) {
    let (local, peer) = (client.peer_addr().unwrap(), client.local_addr().unwrap());
    let view = half_open(local.port()).unwrap();
    let expected = HalfOpen { local, peer };
    assert_eq!(view.connections, [expected]);
    assert!(view.complete);
}

#[test]
fn lists_a_client_until_its_handshake_is_complete() {
    for family in FAMILIES {
        let Some((listener, address)) = listener(family) else {
            continue;
        };
        defer(&listener);
        assert_eq!(half_open(address.port()).unwrap().connections, []);
        let mut client = TcpStream::connect(address).unwrap();
        assert_listed(&client);
        client.write_all(b"!").unwrap();
        listener.accept().unwrap();
        assert_eq!(half_open(address.port()).unwrap().connections, []);
    }
}

#[test]
fn one_walk_lists_several_ports() {
    let family = FAMILIES[0];
    let Some(both) = listener(family).zip(listener(family)) else {
        return;
    };
    let ((one, first), (other, second)) = both;
    let clients = [(&one, first), (&other, second)].map(|(listener, address)| {
        defer(listener);
        TcpStream::connect(address).unwrap()
    });
    let views = half_open_of(&[first.port(), second.port()]).unwrap();
    let peers: Vec<Vec<SocketAddr>> = views
        .iter()
        .map(|view| view.connections.iter().map(|found| found.peer).collect())
        .collect();
    assert_eq!(
        peers,
        clients.map(|client| vec![client.local_addr().unwrap()])
    );
}

#[test]
fn an_ipv4_client_of_a_dual_stack_listener_is_ipv4() {
    if bound(IpFamily::V6, Type::STREAM).is_none() {
        return;
    }
    let socket = Socket::new(domain(IpFamily::V6), Type::STREAM, None).unwrap();
    socket.set_only_v6(false).unwrap();
    let any: SocketAddr = (Ipv6Addr::UNSPECIFIED, 0).into();
    socket.bind(&any.into()).unwrap();
    socket.listen(8).unwrap();
    let listener = TcpListener::from(socket);
    defer(&listener);
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_listed(&client);
}

#[test]
fn a_host_that_answers_with_cookies_keeps_none() {
    let kept = |cookies: &'static str, backlog: &'static str| {
        kept_by(|name| {
            let value = match name {
                "core/somaxconn" => "128\n",
                "ipv4/tcp_max_syn_backlog" => backlog,
                _ => cookies,
            };
            Ok(value.to_owned())
        })
        .unwrap()
    };
    for (cookies, many) in [("0\n", 128), ("1\n", 128), ("2\n", 0)] {
        assert_eq!(kept(cookies, "1024\n"), many);
    }
    assert_eq!(kept("0\n", "128\n"), 96);
    assert_eq!(kept("1\n", "64\n"), 128);
    assert!(half_open_kept().is_ok());
}
