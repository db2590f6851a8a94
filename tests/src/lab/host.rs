//! A host of the lab: a network namespace that lives as long as the process that holds it.

use std::fmt::Write as _;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::thread;

use anyhow::{Context as _, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::Deserialize;

use super::Family;
use crate::{Place, Process, User};

/// The hosts, in the order from the client to the server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "lowercase")]
pub enum Host {
    Client,
    Firewall,
    Isp,
    Cloud,
}

impl Host {
    pub(super) const ALL: [Self; 4] = [Self::Client, Self::Firewall, Self::Isp, Self::Cloud];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Firewall => "firewall",
            Self::Isp => "isp",
            Self::Cloud => "cloud",
        }
    }

    /// Returns the next host on the way to the server.
    pub(super) fn beyond(self) -> Option<Self> {
        match self {
            Self::Client => Some(Self::Firewall),
            Self::Firewall => Some(Self::Isp),
            Self::Isp => Some(Self::Cloud),
            Self::Cloud => None,
        }
    }

    /// Returns the next host on the way to the client.
    fn before(self) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|host| host.beyond() == Some(self))
    }

    /// Returns a script that gives the host its addresses and routes.
    ///
    /// Its interfaces are called `near` (towards the client) and `far` (towards the server).
    pub(super) fn set_up(self) -> String {
        let mut script = "ip link set lo up\n".to_owned();
        let interfaces = [
            self.before()
                .map(|_| ("near", Family::address as fn(_, _) -> _)),
            self.beyond()
                .map(|_| ("far", Family::far_address as fn(_, _) -> _)),
        ];
        let mut add = |line: std::fmt::Arguments<'_>| {
            writeln!(script, "{line}").expect("a String takes everything");
        };
        for (interface, address) in interfaces.into_iter().flatten() {
            for family in Family::ALL {
                let (address, length) = (address(family, self), family.prefix_length());
                // Duplicate address detection is not needed: the only other host on the link has another address.
                let unasked = if family == Family::Ipv6 { "nodad" } else { "" };
                add(format_args!(
                    "ip addr add {address}/{length} dev {interface} {unasked}"
                ));
            }
            // With offloading, packets are larger than any link's MTU, and lengths and segment sizes differ from those
            // between real machines.
            add(format_args!(
                "ethtool -K {interface} tso off gso off gro off tx off rx off"
            ));
            add(format_args!("ip link set {interface} up"));
        }
        for family in Family::ALL {
            let gateway = match (self, self.before()) {
                (Self::Client | Self::Firewall, _) => {
                    self.beyond().map(|host| family.address(host))
                }
                (Self::Isp | Self::Cloud, before) => before.map(|host| family.far_address(host)),
            };
            if let Some(gateway) = gateway {
                add(format_args!("ip route add default via {gateway}"));
            }
        }
        script.push_str(match self {
            Self::Client => "",
            Self::Firewall | Self::Isp => ROUTER,
            // This lets the server listen on low ports without privileges.
            Self::Cloud => "sysctl -qw net.ipv4.ip_unprivileged_port_start=0\n",
        });
        script
    }
}

/// A network namespace without a name.
///
/// It disappears when its holder and all programs that were started in it have ended, and they end with the test.
#[derive(Debug)]
pub(crate) struct Namespace {
    holder: Process,
}

impl Namespace {
    /// Begins to make a namespace; [`Namespace::ready`] waits for it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = Place::of(User::Same).command("unshare");
        command.args(["--net", "sh", "-c", "echo there; exec sleep infinity"]);
        Ok(Self {
            holder: Process::start(command)?,
        })
    }

    pub(crate) fn ready(&mut self) -> anyhow::Result<()> {
        self.holder.read_until(|said| said == "there\n").map(drop)
    }

    /// Returns the id of the holder, by which other programs enter the namespace.
    pub(super) fn id(&self) -> u32 {
        self.holder.id()
    }

    pub(super) fn place(&self, user: User) -> Place {
        Place::within(self.id(), user)
    }

    /// Runs a program to its end, as root.
    pub(crate) fn run<'w>(
        &self,
        program: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> anyhow::Result<String> {
        let mut command = self.place(User::Same).command(program);
        command.args(words);
        Ok(Process::succeed(command)?.stdout)
    }

    /// Runs `deed` on a thread in the namespace. The sockets, threads and programs that it makes are in the namespace
    /// too.
    pub(crate) fn within<T: Send>(
        &self,
        deed: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let way_in = self.way_in()?;
        thread::scope(|scope| {
            let doing = scope.spawn(|| {
                way_in.take()?;
                deed()
            });
            doing.join().map_err(|_| anyhow!("panicked"))?
        })
    }

    /// Returns a handle with which a thread that outlives this call can enter the namespace.
    pub(super) fn way_in(&self) -> anyhow::Result<WayIn> {
        let path = format!("/proc/{}/ns/net", self.id());
        File::open(&path).context(path).map(WayIn)
    }
}

/// A handle with which a thread enters a namespace.
#[derive(Debug)]
pub(super) struct WayIn(File);

impl WayIn {
    /// Moves the calling thread into the namespace, with the sockets, threads and programs that it makes from now on.
    pub(super) fn take(&self) -> anyhow::Result<()> {
        move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
            .context("entering the host")
    }
}

/// Routers send ICMP errors without a rate limit, so that one test does not depend on the speed of another. A scenario
/// sets the limits of real routers itself.
const ROUTER: &str = "\
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \\
    net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 net.ipv6.icmp.ratelimit=0
";
