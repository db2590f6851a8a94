//! What every scenario here begins with: the lab, the server on the seven ports of the profile, and a
//! run of that profile in which one port differs from the others.

use fwprobe_tests::namespace::{Host, Lab};
use fwprobe_tests::{EchoServer, Probe, Run};
use probe_core::catalogue::VerdictId;

/// The lab with a server in it.
#[derive(Debug)]
pub(crate) struct Site {
    // Before the lab: the server ends before its host does.
    pub(crate) server: EchoServer,
    pub(crate) lab: Lab,
}

impl Site {
    /// With the server on all seven ports.
    pub(crate) fn build() -> anyhow::Result<Self> {
        Self::serving(&PORTS)
    }

    /// With the server on `ports` alone, and its control port.
    pub(crate) fn serving(ports: &[u16]) -> anyhow::Result<Self> {
        let lab = Lab::build()?;
        let identity = lab.identity()?;
        let server = lab.serve(identity, ports)?;
        Ok(Self { server, lab })
    }

    /// With a firewall rule in one hook of one host.
    pub(crate) fn with_filter(host: Host, hook: &str, rule: &str) -> anyhow::Result<Self> {
        let site = Self::build()?;
        let chain = format!("type filter hook {hook} priority 0;");
        site.lab.nft(host, &chain, rule)?;
        Ok(site)
    }

    /// A run of the profile to both addresses.
    pub(crate) fn probe(&self) -> anyhow::Result<Probe> {
        Ok(self
            .lab
            .probe(self.server.identity())?
            .patience(SILENCE)
            .arg(PROFILE))
    }

    /// Runs the profile: `port` has to be found `id` and every other port reachable, over both
    /// families.
    pub(crate) fn expect_one(&self, port: u16, id: VerdictId) -> anyhow::Result<Run> {
        let run = self.probe()?.run()?;
        run.expect_exit(1)?
            .expect_addresses(&Lab::server_addresses())?;
        for other in PORTS {
            let expected = if other == port {
                id
            } else {
                VerdictId::Reachable
            };
            run.expect_port(other, expected)?;
        }
        Ok(run)
    }
}

pub(crate) const PROFILE: &str = "hpc-2008r2-sp1";
pub(crate) const PORTS: [u16; 7] = [80, 443, 3389, 5901, 5902, 7998, 7999];

/// In seconds, until nothing more is expected.
const SILENCE: u8 = 8;
