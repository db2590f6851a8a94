//! Rules for the firewall of a host itself: Windows, nftables and ufw.

use probe_core::verdict::Segment;

use super::{Hosts, Snippet};

/// The host whose firewall is blamed.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Side {
    Client,
    Server,
}

/// A connection as one host sees it.
struct HostConnection<'a> {
    name: &'a str,
    /// The host in words.
    device: &'a str,
    side: Side,
    from: String,
    to: String,
    port: String,
    ipv4: bool,
}

/// Returns rules for every kind of firewall that the host on `side` may have. Runs name the system of this host, and not
/// that of the server's.
pub(super) fn rules(name: &str, hosts: &Hosts, side: Side) -> Vec<Snippet> {
    let (segment, device, system) = match side {
        Side::Client => (
            Segment::ThisHost,
            hosts.client.as_str(),
            hosts.client_system.as_deref(),
        ),
        Side::Server => (Segment::ServerHost, "the server's host", None),
    };
    let (from, to, port) = hosts.seen_by(&segment);
    let connection = HostConnection {
        name,
        device,
        side,
        from,
        to,
        port,
        ipv4: hosts.destination.is_ipv4(),
    };
    let windows = || [netsh(&connection), powershell(&connection)];
    let linux = || [nftables(&connection), ufw(&connection)];
    match system {
        Some(name) if name.starts_with("Windows") => windows().into(),
        Some(_) => linux().into(),
        None => windows().into_iter().chain(linux()).collect(),
    }
}

fn netsh(connection: &HostConnection<'_>) -> Snippet {
    let (from, to, port) = (&connection.from, &connection.to, &connection.port);
    let fields = match connection.side {
        Side::Client => format!(
            "dir=out action=allow protocol=TCP localip={from} remoteip={to} remoteport={port}"
        ),
        Side::Server => format!(
            "dir=in action=allow protocol=TCP localip={to} localport={port} remoteip={from}"
        ),
    };
    Snippet::new(
        connection.device,
        "Windows firewall (netsh, every version)",
        BLOCK_WINS,
        &format!(
            "netsh advfirewall firewall add rule name=\"{}\" {fields} profile=<PROFILE>",
            connection.name
        ),
    )
}

fn powershell(connection: &HostConnection<'_>) -> Snippet {
    let (from, to, port) = (&connection.from, &connection.to, &connection.port);
    let fields = match connection.side {
        Side::Client => format!(
            "-Direction Outbound -LocalAddress {from} -RemoteAddress {to} -RemotePort {port}"
        ),
        Side::Server => {
            format!("-Direction Inbound -LocalAddress {to} -LocalPort {port} -RemoteAddress {from}")
        }
    };
    Snippet::new(
        connection.device,
        "Windows firewall (PowerShell, Server 2012 and later)",
        BLOCK_WINS,
        &format!(
            "New-NetFirewallRule -DisplayName '{}' {fields} -Protocol TCP -Action Allow -Profile \
             <PROFILE>",
            connection.name
        ),
    )
}

/// Returns a rule to insert before all others of its chain: a rule after one that rejects would have no effect.
fn nftables(connection: &HostConnection<'_>) -> Snippet {
    let (from, to, port) = (&connection.from, &connection.to, &connection.port);
    let ip = if connection.ipv4 { "ip" } else { "ip6" };
    let note = match connection.side {
        Side::Client => {
            "in the output chain that refuses the connection, above the rule that refuses it; a \
             rule in the input chain has to accept the answers (`ct state established accept`)"
        }
        Side::Server => {
            "in the input chain that refuses the connection, above the rule that refuses it; all \
             other input chains have to accept the connection too, and all output chains have \
             to accept its answers"
        }
    };
    Snippet::new(
        connection.device,
        "nftables",
        note,
        &format!(
            "insert rule <FAMILY> <TABLE> <CHAIN> {ip} saddr {from} {ip} daddr {to} tcp dport \
             {port} accept comment \"{}\"",
            connection.name
        ),
    )
}

fn ufw(connection: &HostConnection<'_>) -> Snippet {
    let (from, to, port) = (&connection.from, &connection.to, &connection.port);
    let direction = match connection.side {
        Side::Client => "out",
        Side::Server => "in",
    };
    Snippet::new(
        connection.device,
        "ufw",
        "`prepend` puts it above the rules that deny; the answers pass",
        &format!(
            "ufw prepend allow {direction} on <INTERFACE> proto tcp from {from} to {to} port \
             {port} comment '{}'",
            connection.name
        ),
    )
}

/// Windows gives priority to rules by their action, not by their order.
const BLOCK_WINS: &str = "a rule that blocks takes precedence, whatever the order: if there is \
                          one, narrow or disable that rule instead";
