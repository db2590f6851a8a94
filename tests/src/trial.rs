//! Tests as values: one per scenario and address family, skipped by name where this machine lacks
//! what they need.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libtest_mimic::{Completion, Trial};

/// A scenario on one loopback address.
pub type Scenario = fn(IpAddr) -> anyhow::Result<()>;

/// Something that a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `::1` can be listened on.
    Ipv6Loopback,
    /// To become another user, and to make network namespaces.
    Root,
    /// Ports below 1024 are closed to other users.
    ClosedLowPorts,
    /// A program that is not ours.
    Tool(&'static str),
    /// A shared library that is not ours.
    Library(&'static str),
}

/// Tests under one heading.
#[derive(Debug)]
pub struct Trials {
    heading: &'static str,
    all: Vec<Trial>,
}

impl Trials {
    pub fn of(heading: &'static str) -> Self {
        Self {
            heading,
            all: Vec::new(),
        }
    }

    /// `scenario` on the loopback address of each family.
    #[must_use]
    pub fn on_both_families(self, name: &str, scenario: Scenario) -> Self {
        let (v4, v6) = (format!("{name}::ipv4"), format!("{name}::ipv6"));
        self.once(&v4, move || scenario(Ipv4Addr::LOCALHOST.into()))
            .needing([Need::Ipv6Loopback], &v6, move || {
                scenario(Ipv6Addr::LOCALHOST.into())
            })
    }

    /// The same, skipped where one of `needs` is not met.
    #[must_use]
    pub fn needing_on_both_families(
        self,
        needs: &'static [Need],
        name: &str,
        scenario: Scenario,
    ) -> Self {
        let (v4, v6) = (format!("{name}::ipv4"), format!("{name}::ipv6"));
        let with_v6 = [needs, &[Need::Ipv6Loopback]].concat();
        self.needing(needs, &v4, move || scenario(Ipv4Addr::LOCALHOST.into()))
            .needing(with_v6, &v6, move || scenario(Ipv6Addr::LOCALHOST.into()))
    }

    /// A scenario that any machine can play.
    #[must_use]
    pub fn once(
        self,
        name: &str,
        scenario: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        self.needing([], name, scenario)
    }

    /// A scenario that is skipped where one of `needs` is not met; the reason is shown.
    #[must_use]
    pub fn needing(
        mut self,
        needs: impl AsRef<[Need]> + Send + 'static,
        name: &str,
        scenario: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        let name = format!("{}::{name}", self.heading);
        let trial = Trial::ignorable_test(name, move || {
            if let Some(reason) = needs.as_ref().iter().find_map(|need| need.lacking()) {
                if std::env::var_os(NO_SKIP).is_some() {
                    return Err(format!("{NO_SKIP} is set, and {reason}").into());
                }
                return Ok(Completion::ignored_with(reason));
            }
            // With all its causes, which `Display` alone leaves out.
            scenario().map_err(|error| format!("{error:#}"))?;
            Ok(Completion::Completed)
        });
        self.all.push(trial);
        self
    }

    pub fn into_vec(self) -> Vec<Trial> {
        self.all
    }
}

impl Need {
    /// Why it is not met; `None` where it is.
    pub fn lacking(self) -> Option<Cow<'static, str>> {
        let constant = match self {
            Self::Ipv6Loopback => std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0))
                .is_err()
                .then_some("this machine has no IPv6 loopback address"),
            Self::Root if std::env::var_os(WITHOUT_ROOT).is_some() => {
                Some("FWPROBE_WITHOUT_ROOT is set")
            }
            Self::Root => (!rustix::process::geteuid().is_root())
                .then_some("only root can make network namespaces and become another user"),
            Self::ClosedLowPorts => (first_open_port() <= LOWEST_PROFILE_PORT)
                .then_some("every user of this machine may listen on port 80"),
            Self::Tool(name) => {
                return (!is_installed(name)).then(|| format!("{name} is not installed").into());
            }
            Self::Library(name) => {
                return (!is_library(name)).then(|| format!("{name} is not installed").into());
            }
        };
        constant.map(Cow::Borrowed)
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Beside the others, or among those of this machine's kind.
fn is_library(name: &str) -> bool {
    let folder = std::path::Path::new("/usr/lib");
    let kind = format!("{}-linux-gnu", std::env::consts::ARCH);
    folder.join(name).is_file() || folder.join(kind).join(name).is_file()
}

/// From where on everyone may listen, as the kernel has it; 1024 on kernels that do not say.
fn first_open_port() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

const LOWEST_PROFILE_PORT: u16 = 80;

/// Set where everything must be tested: what would be skipped fails.
const NO_SKIP: &str = "FWPROBE_NO_SKIP";
/// Set where root wants what an ordinary user gets: tests that need root are ignored.
const WITHOUT_ROOT: &str = "FWPROBE_WITHOUT_ROOT";
