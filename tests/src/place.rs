//! Where a program runs, and as which user.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user that a program runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The user who runs the test.
    Same,
    /// The unprivileged user `nobody`, without groups and capabilities. Only root can switch to it.
    Nobody,
}

/// A network namespace (by default the test's own) and a user.
#[derive(Clone, Debug)]
pub struct Place {
    /// The id of the process whose network namespace is used; `None` for the test's own namespace.
    namespace: Option<u32>,
    user: User,
    /// The maximum number of file descriptors of a program; `None` for the test's own limit.
    descriptors: Option<usize>,
    /// The maximum bytes of private memory of a program; `None` for the test's own limit.
    memory: Option<u64>,
    /// A file that replaces the system's `/etc/hosts`.
    hosts: Option<PathBuf>,
    /// A file that replaces the system's `/etc/resolv.conf`.
    resolver: Option<PathBuf>,
    /// Environment variables, as `NAME=VALUE`.
    variables: Vec<String>,
    /// Whether [`User::Nobody`] may open packet sockets (`CAP_NET_RAW`).
    packets: bool,
}

impl Place {
    /// Returns the test's own namespace, as a user without privileges: the test's own user, or `nobody` if that is
    /// root.
    pub fn ordinary() -> Self {
        let user = if rustix::process::geteuid().is_root() {
            User::Nobody
        } else {
            User::Same
        };
        Self::of(user)
    }

    /// Returns the test's own namespace, as `user`.
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

    /// Returns the network namespace of the process `holder`, as `user`.
    pub fn within(holder: u32, user: User) -> Self {
        Self {
            namespace: Some(holder),
            ..Self::of(user)
        }
    }

    /// Limits the number of file descriptors to `count`.
    #[must_use]
    pub fn with_descriptors(mut self, count: usize) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// Limits memory to `bytes` (RLIMIT_DATA); a program that needs more aborts.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Lets [`User::Nobody`] open packet sockets.
    #[must_use]
    pub fn with_packets(mut self) -> Self {
        self.packets = true;
        self
    }

    /// Replaces `/etc/hosts` with this file. Only root can do that.
    #[must_use]
    pub fn with_hosts(mut self, file: &Path) -> Self {
        self.hosts = Some(file.to_owned());
        self
    }

    /// Replaces `/etc/resolv.conf` with this file. Only root can do that.
    #[must_use]
    pub fn with_resolver(mut self, file: &Path) -> Self {
        self.resolver = Some(file.to_owned());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push(format!("{name}={value}"));
        self
    }

    /// Returns a command that runs `program` in this place. Of the test's environment, it passes on only the search
    /// path.
    ///
    /// The wrappers (`nsenter`, `setpriv`, …) replace themselves by `exec`, so the started process is the program. The
    /// kernel kills it when the thread that started it ends, even if that thread was killed.
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
            // `env` is the last wrapper, so that the variables do not affect the other wrappers.
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

/// A script that mounts the file `$0` over `/etc/hosts`, for this program and its children alone.
const OTHER_HOSTS: &str = r#"mount --bind "$0" /etc/hosts; exec "$@""#;
const OTHER_RESOLVER: &str = r#"mount --bind "$0" /etc/resolv.conf; exec "$@""#;

/// The user id of `nobody` on most systems; on the others it belongs to no user.
const REUID: &str = "--reuid=65534";
const REGID: &str = "--regid=65534";
