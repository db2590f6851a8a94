//! A scenario file: the fault, the command that is run, and the result that the run must have.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use probe_core::catalogue::FindingId;
use serde::Deserialize;

use super::device::Device;
use super::end::End;
use super::expectation::{Expectation, Line};
use super::tool::Tool;
use super::{Family, Host, Variant};

/// A scenario with one fault or a mixture.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// Which fault it is, and why the expected result is the truth; for `inconclusive`, why nothing can decide.
    pub why: String,
    /// The ports to probe, as `--port` takes them; if empty, the seven ports of hpc-2008r2-sp1.
    #[serde(default)]
    pub ports: Vec<String>,
    /// The command of fwprobe.
    #[serde(default)]
    pub command: Command,
    /// More flags of the command.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Whether the client runs twice in the same way; the expected result is that of the second run.
    #[serde(default)]
    pub rehearsed: bool,
    /// Changes between the two runs, made right before the second.
    #[serde(default)]
    pub after_rehearsal: BTreeMap<Host, Changes>,
    /// The name by which the client knows the server, instead of its address.
    #[serde(default)]
    pub name: Option<String>,
    /// The only name server that the client's resolver asks; words in angle brackets stand for addresses.
    #[serde(default)]
    pub name_server: Option<String>,
    /// Whether the name has addresses of both families, so that the run is over both.
    #[serde(default)]
    pub dual_stack: bool,
    /// The client's environment; `<files>` stands for the folder with the first tool's files.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default = "both_families")]
    pub families: Vec<Family>,
    #[serde(default = "both_variants")]
    pub variants: Vec<Variant>,
    #[serde(default)]
    pub echo: Echo,
    #[serde(default)]
    pub client: Changes,
    #[serde(default)]
    pub firewall: Changes,
    #[serde(default)]
    pub isp: Changes,
    #[serde(default)]
    pub cloud: Changes,
    #[serde(default, rename = "tool")]
    pub tools: Vec<Tool>,
    #[serde(default, rename = "device")]
    pub devices: Vec<Device>,
    pub exit: u8,
    /// Other exit codes that are also right, if chance decides.
    #[serde(default)]
    pub or_exit: Vec<u8>,
    /// Findings that at least one probe must have.
    #[serde(default)]
    pub somewhere: Vec<FindingId>,
    #[serde(default)]
    pub expect: Vec<Line>,
    /// The expected result if the control channel is blocked and less can be said.
    #[serde(default)]
    pub control_blocked: Option<Expectation>,
}

/// The command of fwprobe that is run.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    #[default]
    Run,
    Idle,
}

/// The server program.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Echo {
    #[serde(default)]
    pub state: State,
    /// Ports of the run on which the server does not listen.
    #[serde(default)]
    pub absent: Vec<u16>,
    /// Ports of the run on which the server listens only on the IPv4 loopback address.
    #[serde(default)]
    pub loopback: Vec<u16>,
    /// Whether the server does not know the client's key.
    #[serde(default)]
    pub key_unknown: bool,
    /// Whether the server has a witness, which sees SYNs that its own host drops.
    #[serde(default)]
    pub witness: bool,
    /// How the server ends during the run, if it does.
    #[serde(default)]
    pub ends: Option<End>,
    /// Lines of `[limits]` in the server's configuration.
    #[serde(default)]
    pub limits: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    #[default]
    Running,
    /// The server is not started; its host is up.
    Stopped,
    /// The server is suspended (SIGSTOP), with its sockets open.
    Frozen,
}

/// The changes on one host. Words in angle brackets are placeholders, see [`Family`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Changes {
    /// Rules of nftables.
    #[serde(default)]
    pub chains: BTreeMap<Chain, String>,
    /// A complete nftables ruleset.
    #[serde(default)]
    pub nft: Option<String>,
    /// Arguments of iptables or ip6tables.
    #[serde(default)]
    pub iptables: Vec<String>,
    /// Settings as `name=value`.
    #[serde(default)]
    pub sysctl: Vec<String>,
    /// Arguments of ip.
    #[serde(default)]
    pub ip: Vec<String>,
    /// Arguments of tc.
    #[serde(default)]
    pub tc: Vec<String>,
}

/// An nftables chain, which is made if a scenario has rules for it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub enum Chain {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
    NatPrerouting,
    NatOutput,
    NatPostrouting,
    /// Egress towards the server, after all processing by the host itself. Like a network security group, it is not a
    /// hop, and no host's counters show what it drops.
    Edge,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or is not a scenario.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    pub(super) fn changes(&self, host: Host) -> &Changes {
        match host {
            Host::Client => &self.client,
            Host::Firewall => &self.firewall,
            Host::Isp => &self.isp,
            Host::Cloud => &self.cloud,
        }
    }

    /// Returns the families of the server addresses in a run over `family`.
    pub(super) fn families_of_a_run(&self, family: Family) -> Vec<Family> {
        if self.dual_stack {
            Family::ALL.to_vec()
        } else {
            vec![family]
        }
    }

    /// Returns the ports on which the server would have to listen.
    pub(super) fn ports_probed(&self) -> anyhow::Result<Vec<u16>> {
        if self.ports.is_empty() {
            return Ok(PROFILE_PORTS.to_vec());
        }
        let mut ports = Vec::new();
        for text in &self.ports {
            let port = text.split('/').next().unwrap_or(text);
            ports.push(
                port.parse()
                    .with_context(|| format!("the port in {text:?}"))?,
            );
        }
        ports.sort_unstable();
        ports.dedup();
        Ok(ports)
    }

    pub(super) fn expectation(&self, variant: Variant) -> Expectation {
        match (variant, &self.control_blocked) {
            (Variant::ControlBlocked, Some(weaker)) => weaker.clone(),
            (Variant::ControlBlocked | Variant::Default, _) => Expectation {
                why: self.why.clone(),
                exit: self.exit,
                or_exit: self.or_exit.clone(),
                somewhere: self.somewhere.clone(),
                expect: self.expect.clone(),
            },
        }
    }
}

impl Chain {
    /// Returns the nftables declaration of the chain.
    pub(super) fn declaration(self) -> &'static str {
        match self {
            Self::Prerouting => "type filter hook prerouting priority mangle;",
            Self::Input => "type filter hook input priority filter;",
            Self::Forward => "type filter hook forward priority filter;",
            Self::Output => "type filter hook output priority filter;",
            Self::Postrouting => "type filter hook postrouting priority mangle;",
            Self::NatPrerouting => "type nat hook prerouting priority dstnat;",
            Self::NatOutput => "type nat hook output priority -100;",
            Self::NatPostrouting => "type nat hook postrouting priority srcnat;",
            Self::Edge => "type filter hook egress device far priority 0;",
        }
    }

    pub(super) fn table_family(self) -> &'static str {
        if self == Self::Edge { "netdev" } else { "inet" }
    }
}

fn both_families() -> Vec<Family> {
    Family::ALL.to_vec()
}

fn both_variants() -> Vec<Variant> {
    Variant::ALL.to_vec()
}

pub(super) const PROFILE: &str = "hpc-2008r2-sp1";
pub(super) const PROFILE_PORTS: [u16; 7] = [80, 443, 3389, 5901, 5902, 7998, 7999];
