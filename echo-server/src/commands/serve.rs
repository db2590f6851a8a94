//! `fwprobe-echo serve`.

use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Notify;

use super::Failure;
use crate::arguments::ServeArguments;
use crate::bind::{Bound, bind};
use crate::config::DEFAULT_PORTS;
use crate::identity::Identity;
use crate::settings::Settings;
use crate::{descriptors, logging};

pub(super) fn run(arguments: &ServeArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let settings = Settings::resolve(arguments).map_err(Failure::Configuration)?;
    serve(settings, out).map_err(Failure::Operation)
}

fn serve(mut settings: Settings, out: &mut dyn Write) -> anyhow::Result<()> {
    logging::start(settings.log_format, settings.log_level)?;
    for path in Identity::readable_by_all(&settings.identity_directory) {
        tracing::warn!(path = %path.display(), "every user of this host can read this secret; chmod 600");
    }
    if let Some(lack) = descriptors::fit(&mut settings.config) {
        let admission = settings.config.admission;
        tracing::warn!(
            available = lack.available,
            wanted = lack.wanted,
            sessions = admission.greeted,
            strangers = admission.ungreeted,
            "too few file descriptors for the configured limits, which are lowered; \
             LimitNOFILE= of a systemd unit or `ulimit -n` gives more"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the threads that serve could not be started")?;
    runtime.block_on(async {
        let mut signals = Signals::listen().context("signals cannot be heard")?;
        let control_port = settings.identity.control_port();
        let bound = bind(settings.config, &settings.identity)?;
        announce(&bound, control_port, out).context("standard output is closed")?;
        let stop = Arc::new(Notify::new());
        let serving = {
            let stop = Arc::clone(&stop);
            bound.run(async move { stop.notified().await })
        };
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            () = &mut serving => return Ok(()),
            () = signals.next() => stop.notify_one(),
        }
        // The first signal is for a graceful end, the second for one at once.
        tokio::select! {
            () = &mut serving => {}
            () = signals.next() => {}
        }
        anyhow::Ok(())
    })
}

fn announce(bound: &Bound, control_port: u16, out: &mut dyn Write) -> std::io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "fwprobe-echo {version} listens on")?;
    for listener in bound.listeners() {
        let (address, public_port) = (listener.address(), listener.public_port());
        if address.port() == public_port {
            writeln!(out, "  {address}")?;
        } else {
            writeln!(out, "  {address}, which clients dial as port {public_port}")?;
        }
    }
    let public_ports: Vec<_> = bound.listeners().iter().map(|l| l.public_port()).collect();
    if !public_ports.contains(&control_port) {
        writeln!(
            out,
            "The connection strings name control port {control_port}, which is not among them."
        )?;
    }
    writeln!(
        out,
        "Next, on the head node, with a line that `fwprobe-echo identity` printed in FILE:\n  {}",
        next_command(&public_ports, control_port)
    )?;
    out.flush()
}

fn next_command(public_ports: &[u16], control_port: u16) -> String {
    let what = if DEFAULT_PORTS.iter().all(|port| public_ports.contains(port)) {
        DEFAULT_PROFILE.to_owned()
    } else {
        let mut ports: Vec<_> = public_ports
            .iter()
            .filter(|port| **port != control_port || public_ports.len() == 1)
            .collect();
        ports.sort_unstable();
        ports.dedup();
        let ports: Vec<_> = ports.iter().map(|port| format!("--port {port}")).collect();
        ports.join(" ")
    };
    format!("fwprobe run {what} --connection-file FILE")
}

/// What asks this process to stop.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        // Without a way to hear it, nobody can ask.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The profile that the default ports are those of.
const DEFAULT_PROFILE: &str = "hpc-2008r2-sp1";
