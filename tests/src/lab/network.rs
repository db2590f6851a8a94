//! The four hosts and the links between them, IPv4 and IPv6, without any fault yet.

use anyhow::Context as _;

use super::Host;
use super::host::Namespace;
use crate::{Place, Process, User};

/// The hosts `client` - `firewall` - `isp` - `cloud`. They are removed on drop, and any number of networks can exist at
/// the same time.
#[derive(Debug)]
pub(super) struct Network {
    hosts: [Namespace; 4],
}

impl Network {
    pub(super) fn build() -> anyhow::Result<Self> {
        let [mut client, mut firewall, mut isp, mut cloud] = [
            Namespace::start()?,
            Namespace::start()?,
            Namespace::start()?,
            Namespace::start()?,
        ];
        for host in [&mut client, &mut firewall, &mut isp, &mut cloud] {
            host.ready()?;
        }
        let network = Self {
            hosts: [client, firewall, isp, cloud],
        };
        for near in Host::ALL {
            if let Some(far) = near.beyond() {
                network.connect(near, far)?;
            }
        }
        for host in Host::ALL {
            network.run(host, "sh", ["-ec", &host.set_up()])?;
        }
        Ok(network)
    }

    /// Runs a program to its end, as root on `host`.
    pub(super) fn run<'w>(
        &self,
        host: Host,
        program: &str,
        words: impl IntoIterator<Item = &'w str>,
    ) -> anyhow::Result<String> {
        let run = self.host(host).run(program, words);
        run.with_context(|| format!("on {}", host.name()))
    }

    pub(super) fn place(&self, host: Host, user: User) -> Place {
        self.host(host).place(user)
    }

    fn connect(&self, near: Host, far: Host) -> anyhow::Result<()> {
        let (near, far) = (self.host(near).id(), self.host(far).id());
        let words = format!("link add far netns {near} type veth peer name near netns {far}");
        let mut command = Place::of(User::Same).command("ip");
        command.args(words.split(' '));
        Process::succeed(command).map(drop)
    }

    pub(super) fn host(&self, host: Host) -> &Namespace {
        &self.hosts[host as usize]
    }
}
