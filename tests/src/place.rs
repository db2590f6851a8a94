//! Where and as whom a program runs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the test.
    Same,
    /// Nobody in particular: no groups, no capabilities. Only root can do that.
    Nobody,
}

/// A network namespace, if not the test's own, and a user.
#[derive(Clone, Debug)]
pub struct Place {
    /// That of the process with this id.
    namespace: Option<u32>,
    user: User,
    /// File descriptors that a program may have; `None`: as many as the test.
    descriptors: Option<usize>,
    /// Bytes of memory of its own that a program may have; `None`: as many as the test.
    memory: Option<u64>,
    /// In the place of the system's own `/etc/hosts`.
    hosts: Option<PathBuf>,
    /// In the place of the system's own `/etc/resolv.conf`.
    resolver: Option<PathBuf>,
    /// Environment variables, as `NAME=VALUE`.
    variables: Vec<String>,
    /// Nobody in particular may open packet sockets (`CAP_NET_RAW`).
    packets: bool,
}

impl Place {
    /// The test's own namespace, as a user without any rights: the test's own, unless that is root.
    pub fn ordinary() -> Self {
        let user = if rustix::process::geteuid().is_root() {
            User::Nobody
        } else {
            User::Same
        };
        Self::of(user)
    }

    /// The test's own namespace, as `user`.
    pub fn of(user: User) -> Self {
        Self {
            namespace: None,
            user,
            descriptors: None,
            memory: None,
            hosts: None,
            resolver: None,
            variables: Vec::new(),
            packets: false,
        }
    }

    /// The network namespace of the process `holder`, as `user`.
    pub fn within(holder: u32, user: User) -> Self {
        Self {
            namespace: Some(holder),
            user,
            descriptors: None,
            memory: None,
            hosts: None,
            resolver: None,
            variables: Vec::new(),
            packets: false,
        }
    }

    /// The same, with few file descriptors.
    #[must_use]
    pub fn with_descriptors(mut self, count: usize) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// The same, where no more than `bytes` of memory can be had (RLIMIT_DATA): a program that needs more aborts.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The same, with the right to open packet sockets for nobody in particular.
    #[must_use]
    pub fn with_packets(mut self) -> Self {
        self.packets = true;
        self
    }

    /// The same, with this file in the place of `/etc/hosts`. Only root can do that.
    #[must_use]
    pub fn with_hosts(mut self, file: &Path) -> Self {
        self.hosts = Some(file.to_owned());
        self
    }

    /// The same, with this file in the place of `/etc/resolv.conf`. Only root can do that.
    #[must_use]
    pub fn with_resolver(mut self, file: &Path) -> Self {
        self.resolver = Some(file.to_owned());
        self
    }

    /// The same, with an environment variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push(format!("{name}={value}"));
        self
    }

    /// A command that runs `program` there, with an environment that holds nothing of the test's but
    /// the search path. Wrappers replace themselves, so that the process started is the program; it
    /// is killed when the thread ends that started it, even if that one was killed itself.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut words: Vec<&OsStr> = Vec::new();
        let namespace = self
            .namespace
            .map(|holder| format!("--net=/proc/{holder}/ns/net"));
        if let Some(namespace) = &namespace {
            words.extend(["nsenter", namespace].map(OsStr::new));
        }
        for (own, script) in [(&self.hosts, OTHER_HOSTS), (&self.resolver, OTHER_RESOLVER)] {
            if let Some(file) = own {
                words.extend(["unshare", "--mount", "sh", "-ec", script].map(OsStr::new));
                words.push(file.as_os_str());
            }
        }
        words.extend(["setpriv", "--pdeathsig", "KILL"].map(OsStr::new));
        if self.user == User::Nobody {
            words.extend([REUID, REGID, "--clear-groups"].map(OsStr::new));
            let capabilities: &[&str] = if self.packets {
                &["--inh-caps=-all,+net_raw", "--ambient-caps=+net_raw"]
            } else {
                &["--inh-caps=-all"]
            };
            words.extend(capabilities.iter().map(OsStr::new));
        }
        let limit = self.descriptors.map(|n| format!("--nofile={n}:{n}"));
        if let Some(limit) = &limit {
            words.extend(["prlimit", limit].map(OsStr::new));
        }
        let memory = self.memory.map(|n| format!("--data={n}:{n}"));
        if let Some(memory) = &memory {
            words.extend(["prlimit", memory].map(OsStr::new));
        }
        if !self.variables.is_empty() {
            // The last of the wrappers: what it sets is not for the others.
            words.push(OsStr::new("env"));
            words.extend(self.variables.iter().map(OsStr::new));
        }
        words.push(program.as_ref());
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }
}

/// For this program and those that it starts alone.
const OTHER_HOSTS: &str = r#"mount --bind "$0" /etc/hosts; exec "$@""#;
const OTHER_RESOLVER: &str = r#"mount --bind "$0" /etc/resolv.conf; exec "$@""#;

/// `nobody` on most systems, and nobody on the others.
const REUID: &str = "--reuid=65534";
const REGID: &str = "--regid=65534";
