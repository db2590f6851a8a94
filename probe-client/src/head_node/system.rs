//! Reads proxy variables and routes from this system, without sending anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use head_node::{HeadNode, Origin, Proxy, Reading};
use probe_core::system_proxy::redacted;

use crate::environment::Environment;

/// Adds the proxy variables that HTTP clients follow.
pub(super) fn proxies(node: &mut HeadNode, environment: Environment<'_>) {
    let mut found = Vec::new();
    for name in VARIABLES {
        let Some(value) = environment(name).filter(|value| !value.is_empty()) else {
            continue;
        };
        let value = redacted(&value);
        // On Windows both spellings are one variable.
        let known = |p: &Proxy| p.setting.eq_ignore_ascii_case(name) && p.value == value;
        if !found.iter().any(known) {
            found.push(Proxy {
                setting: name.to_owned(),
                value,
            });
        }
    }
    if let Reading::Found(_, all) = &mut node.proxies {
        all.extend(found);
    } else {
        node.proxies = Reading::Found(Origin::Environment, found);
    }
}

/// Adds the addresses that the kernel would send from. Connecting a UDP socket sends nothing.
pub(super) fn routes(node: &mut HeadNode) {
    let towards: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), TEST_NET.into()),
        (Ipv6Addr::UNSPECIFIED.into(), DOCUMENTATION.into()),
    ];
    let from = towards.into_iter().filter_map(|(any, to)| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((to, DISCARD)).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    });
    node.routes = Reading::Found(Origin::System, from.collect());
}

const VARIABLES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Addresses that represent the public Internet (RFC 5737 and RFC 3849).
const TEST_NET: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const DOCUMENTATION: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The discard port (RFC 863); any port would do.
const DISCARD: u16 = 9;
