//! Third-party proxies, each a process of its own on loopback, without privileges.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::scratch::open_directory;
use crate::squid_memory::SquidMemory;
use crate::{Place, Process, ShutPort, WATCHDOG};

/// A proxy that accepts connections, killed when dropped.
#[derive(Debug)]
pub struct RealProxy {
    address: SocketAddr,
    // Fields are dropped in this order: the process ends first, then its leftovers are removed.
    _process: Process,
    _shared: Option<SquidMemory>,
    _scratch: TempDir,
}

/// The port and the directory for a proxy that is yet to be started.
#[derive(Debug)]
pub struct Setting {
    /// Reserves the port until the proxy listens there; the system lets both use the port at the same time.
    held: ShutPort,
    address: SocketAddr,
    scratch: TempDir,
}

impl Setting {
    /// Reserves a free port of `ip`, and makes a directory for files.
    ///
    /// # Errors
    /// Fails if there is no free port or no directory.
    pub fn on(ip: IpAddr) -> anyhow::Result<Self> {
        let held = ShutPort::take(ip)?;
        Ok(Self {
            address: SocketAddr::new(ip, held.port()),
            held,
            scratch: open_directory()?,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file in the directory.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory().join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }

    /// Runs `program` to its end, as the user that the proxy will run as.
    ///
    /// # Errors
    /// Fails if the program fails.
    pub fn prepare<A: AsRef<OsStr>>(&self, program: &str, arguments: &[A]) -> anyhow::Result<()> {
        let mut command = Place::ordinary().command(program);
        command.args(arguments);
        let finished = Process::start(command)?.finish()?;
        if finished.code()? != 0 {
            bail!("{program}: {}{}", finished.stdout, finished.stderr);
        }
        Ok(())
    }

    /// Starts the proxy, and returns once its port accepts connections.
    ///
    /// # Errors
    /// Fails if the proxy does not come up.
    pub fn start<A: AsRef<OsStr>>(
        self,
        program: &str,
        arguments: &[A],
    ) -> anyhow::Result<RealProxy> {
        let mut command = Place::ordinary().command(program);
        command.args(arguments);
        let process = Process::start(command)?;
        let deadline = Instant::now() + WATCHDOG;
        while TcpStream::connect(self.address).is_err() {
            if Instant::now() > deadline {
                let said = process.finish().map(|f| f.stderr);
                bail!("{program} does not come up: {said:?}");
            }
            std::thread::yield_now();
        }
        drop(self.held);
        Ok(RealProxy {
            address: self.address,
            _process: process,
            _shared: None,
            _scratch: self.scratch,
        })
    }

    /// Starts squid with the common configuration followed by `lines`. `{PORT}` stands for its address and port,
    /// `{DIR}` for its directory.
    ///
    /// # Errors
    /// Fails if squid does not come up.
    pub fn squid(self, lines: &str) -> anyhow::Result<RealProxy> {
        let directory = self.directory().display().to_string();
        let text = format!("{SQUID}{lines}\n")
            .replace("{PORT}", &self.address.to_string())
            .replace("{DIR}", &directory);
        let file = self.file("squid.conf", &text)?;
        let file = file
            .to_str()
            .context("a temporary path in UTF-8")?
            .to_owned();
        let shared = SquidMemory::reserve();
        let started = self.start("squid", &["-n", shared.name(), "-N", "-f", &file])?;
        Ok(RealProxy {
            _shared: Some(shared),
            ..started
        })
    }
}

impl RealProxy {
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

const SQUID: &str = "\
pid_filename none
access_log none
cache_log {DIR}/cache.log
cache_store_log none
netdb_filename none
cache deny all
coredump_dir {DIR}
shutdown_lifetime 0 seconds
visible_hostname squid.test
unique_hostname squid.test
pinger_enable off
connect_timeout 3 seconds
forward_timeout 3 seconds
";
