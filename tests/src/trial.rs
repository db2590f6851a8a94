//! Tests as values: one per scenario and address family, reported as ignored if this machine lacks what they need.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libtest_mimic::{Completion, Trial};

/// A test that runs on one loopback address.
pub type Scenario = fn(IpAddr) -> anyhow::Result<()>;

/// A requirement that a machine may not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A program can listen on `::1`.
    Ipv6Loopback,
    /// The right to become another user and to make network namespaces.
    Root,
    /// Ports below 1024 are closed to unprivileged users.
    ClosedLowPorts,
    /// A third-party program.
    Tool(&'static str),
    /// A third-party shared library.
    Library(&'static str),
}

/// Tests with a common heading.
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

    /// Adds `scenario` twice: on the loopback address of each family.
    #[must_use]
    pub fn on_both_families(self, name: &str, scenario: Scenario) -> Self {
        let (v4, v6) = (format!("{name}::ipv4"), format!("{name}::ipv6"));
        self.once(&v4, move || scenario(Ipv4Addr::LOCALHOST.into()))
            .needing([Need::Ipv6Loopback], &v6, move || {
                scenario(Ipv6Addr::LOCALHOST.into())
            })
    }

    /// Adds `scenario` on the loopback address of each family; it is ignored if one of `needs` is not met.
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

    /// Adds a scenario that any machine can run.
    #[must_use]
    pub fn once(
        self,
        name: &str,
        scenario: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        self.needing([], name, scenario)
    }

    /// Adds a scenario that is ignored, with the reason, if one of `needs` is not met.
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
            // `{:#}` includes the causes of the error, which `Display` alone leaves out.
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
    /// Returns why the requirement is not met; `None` if it is.
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

/// Returns whether the library `name` is in /usr/lib, or in its subfolder for this machine's architecture.
fn is_library(name: &str) -> bool {
    let folder = std::path::Path::new("/usr/lib");
    let kind = format!("{}-linux-gnu", std::env::consts::ARCH);
    folder.join(name).is_file() || folder.join(kind).join(name).is_file()
}

/// Returns the first port on which every user may listen; 1024 if the kernel does not report one.
fn first_open_port() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1024)
}

const LOWEST_PROFILE_PORT: u16 = 80;

/// If this variable is set, a test that would be ignored fails instead.
const NO_SKIP: &str = "FWPROBE_NO_SKIP";
/// If this variable is set, root gets the results of an ordinary user: tests that need root are ignored.
const WITHOUT_ROOT: &str = "FWPROBE_WITHOUT_ROOT";
