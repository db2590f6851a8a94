//! A client's host, a router and a server's host, each a network namespace of its own, with IPv4 and
//! IPv6 between them. Only root can make them.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::ensure;

use crate::{Connection, EchoServer, Identity, Place, Probe, Process, User};

/// The three hosts. Gone when dropped, with everything that was changed in them.
#[derive(Debug)]
pub struct Lab {
    client: Namespace,
    router: Namespace,
    server: Namespace,
}

/// One of the lab's hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Client,
    Router,
    Server,
}

impl Lab {
    /// Made anew; any number can stand side by side.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn build() -> anyhow::Result<Self> {
        let lab = Self {
            client: Namespace::make("c")?,
            router: Namespace::make("r")?,
            server: Namespace::make("s")?,
        };
        let (client, router, server) = (&lab.client.0, &lab.router.0, &lab.server.0);
        for (near, far) in [(client, "near"), (server, "far")] {
            let ends =
                format!("link add eth0 netns {near} type veth peer name {far} netns {router}");
            ip(&ends)?;
        }
        lab.router
            .addresses("near", ["10.73.1.1/24", "fd73:1::1/64"])?;
        lab.router
            .addresses("far", ["10.73.2.1/24", "fd73:2::1/64"])?;
        lab.client
            .addresses("eth0", ["10.73.1.2/24", "fd73:1::2/64"])?;
        lab.server
            .addresses("eth0", ["10.73.2.2/24", "fd73:2::2/64"])?;
        lab.client.gateways(["10.73.1.1", "fd73:1::1"])?;
        lab.server.gateways(["10.73.2.1", "fd73:2::1"])?;
        lab.run(Host::Router, "sysctl", FORWARDING)?;
        // So that the server, too, needs no privileges.
        lab.run(
            Host::Server,
            "sysctl",
            ["-qw", "net.ipv4.ip_unprivileged_port_start=0"],
        )?;
        Ok(lab)
    }

    /// An identity that names the server's two addresses.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn identity(&self) -> anyhow::Result<Identity> {
        Identity::make(&self.place(Host::Server), &SERVER)
    }

    /// `fwprobe-echo serve` on `ports` and the control port.
    ///
    /// # Errors
    /// It does not come up.
    pub fn serve(&self, identity: Identity, ports: &[u16]) -> anyhow::Result<EchoServer> {
        let directory = identity.directory().display().to_string();
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let mut flags = vec!["--identity", directory.as_str()];
        flags.extend(ports.iter().flat_map(|port| ["--port", port.as_str()]));
        EchoServer::start(&self.place(Host::Server), identity, &flags)
    }

    /// `fwprobe run` on the client's host, with the connection string just as it was printed.
    ///
    /// # Errors
    /// No temporary directory.
    pub fn probe(&self, identity: &Identity) -> anyhow::Result<Probe> {
        self.probe_with(identity.connection().clone())
    }

    /// The same with another connection string.
    ///
    /// # Errors
    /// No temporary directory.
    pub fn probe_with(&self, connection: Connection) -> anyhow::Result<Probe> {
        Ok(Probe::with(connection)?.from(&self.place(Host::Client)))
    }

    /// Adds a rule of nftables on `host`, in a chain of its own that begins with `chain`.
    ///
    /// # Errors
    /// `nft` does not take it.
    pub fn nft(&self, host: Host, chain: &str, rule: &str) -> anyhow::Result<()> {
        let ruleset = format!("table inet lab {{\nchain lab {{\n{chain}\n{rule}\n}}\n}}\n");
        self.run(host, "nft", [ruleset])
    }

    /// Runs `ip` with `words` on `host`.
    ///
    /// # Errors
    /// It fails.
    pub fn ip(&self, host: Host, words: &str) -> anyhow::Result<()> {
        ip(&format!("-n {} {words}", self.namespace(host).0))
    }

    /// Where the router is nearest to the client.
    pub const ROUTER_V4: &'static str = "10.73.1.1";
    pub const ROUTER_V6: &'static str = "fd73:1::1";

    /// The server's addresses.
    pub fn server_addresses() -> [IpAddr; 2] {
        SERVER.map(|text| text.parse().expect("constants that are addresses"))
    }

    fn run<A: AsRef<OsStr>>(
        &self,
        host: Host,
        program: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<()> {
        let place = Place::within(&self.namespace(host).0, User::Same);
        let mut command = place.command(program);
        command.args(arguments);
        succeeds(command)
    }

    fn place(&self, host: Host) -> Place {
        Place::within(&self.namespace(host).0, User::Nobody)
    }

    fn namespace(&self, host: Host) -> &Namespace {
        match host {
            Host::Client => &self.client,
            Host::Router => &self.router,
            Host::Server => &self.server,
        }
    }
}

#[derive(Debug)]
struct Namespace(String);

impl Namespace {
    fn make(host: &str) -> anyhow::Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let namespace = Self(format!(
            "fwprobe-test-{}-{number}{host}",
            std::process::id()
        ));
        ip(&format!("netns add {}", namespace.0))?;
        ip(&format!("-n {} link set lo up", namespace.0))?;
        Ok(namespace)
    }

    fn addresses(&self, device: &str, addresses: [&str; 2]) -> anyhow::Result<()> {
        let name = &self.0;
        let [v4, v6] = addresses;
        ip(&format!("-n {name} addr add {v4} dev {device}"))?;
        // There is nobody else on the link whom to ask whether the address is taken.
        ip(&format!("-n {name} addr add {v6} dev {device} nodad"))?;
        ip(&format!("-n {name} link set {device} up"))
    }

    fn gateways(&self, gateways: [&str; 2]) -> anyhow::Result<()> {
        for gateway in gateways {
            ip(&format!("-n {} route add default via {gateway}", self.0))?;
        }
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What still runs in it is killed by its own guard; nothing else is left to be done here.
        let _ = ip(&format!("netns delete {}", self.0));
    }
}

fn ip(words: &str) -> anyhow::Result<()> {
    let mut command = Command::new("ip");
    command.args(words.split(' '));
    succeeds(command)
}

fn succeeds(command: Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let finished = Process::start(command)?.finish()?;
    ensure!(
        finished.code()? == 0,
        "{shown}:\n{}{}",
        finished.stdout,
        finished.stderr
    );
    Ok(())
}

const SERVER: [&str; 2] = ["10.73.2.2", "fd73:2::2"];

/// The last two: errors are answered as often as they are asked for, so that one test does not
/// depend on how fast another is.
const FORWARDING: [&str; 5] = [
    "-qw",
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
];

static MADE: AtomicU32 = AtomicU32::new(0);
