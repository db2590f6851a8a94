//! Tests the errors about listeners that cannot be bound.

use std::net::TcpListener;

use echo_server::{BindCause, Config, InstanceName, Listen, bind};

use crate::running::identity;

fn config(addresses: &[&str]) -> Config {
    let listen = addresses.iter().map(|a| Listen::on(a.parse().unwrap()));
    Config::new(listen.collect(), InstanceName::from_host_name("test"))
}

#[tokio::test]
async fn every_port_that_cannot_be_had_is_named_at_once() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().port();
    // No host has the address 192.0.2.1 (RFC 5737).
    let config = config(&[
        "127.0.0.1:0",
        &format!("127.0.0.1:{taken}"),
        "192.0.2.1:5901",
    ]);
    let errors = bind(config, &identity()).unwrap_err();
    let causes: Vec<_> = errors.errors().iter().map(|error| &error.cause).collect();
    assert!(
        matches!(causes[..], [BindCause::InUse { port }, BindCause::NoSuchAddress] if *port == taken),
        "{errors}"
    );
    assert_eq!(
        errors.to_string(),
        format!(
            "the server did not start, because 2 listeners could not be bound:\n  \
             127.0.0.1:{taken}: in use by another program; `ss -ltnp 'sport = :{taken}'`, run as \
             root, says by which\n  \
             192.0.2.1:5901: this host does not have that address; `ip address` lists those that \
             it has"
        )
    );
}

#[tokio::test]
async fn the_wildcard_takes_both_families() {
    let config = Config::new(vec![Listen::any(0)], InstanceName::from_host_name("test"));
    let bound = bind(config, &identity()).unwrap();
    let address = bound.listeners()[0].address();
    assert!(address.ip().is_unspecified());
    let port = address.port();
    tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    if address.is_ipv6() {
        tokio::net::TcpStream::connect(("::1", port)).await.unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn several_processes_can_share_a_port_if_all_say_so() {
    let mut first = config(&["127.0.0.1:0"]);
    first.reuse_port = true;
    let bound = bind(first, &identity()).unwrap();
    let address = bound.listeners()[0].address().to_string();
    let mut second = config(&[&address]);
    assert!(bind(second.clone(), &identity()).is_err());
    second.reuse_port = true;
    assert!(bind(second, &identity()).is_ok());
}
