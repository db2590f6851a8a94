//! The command `fwprobe-echo serve`.

mod alive;
mod announce;
mod reloading;
mod signals;
mod threads;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::Notify;

use self::reloading::Reloading;
use self::signals::{SignalRequest, Signals};
use super::Failure;
use crate::arguments::ServeArguments;
use crate::bind::{Bound, Inherited, bind_or_inherit};
use crate::listener_guard::ListenerDied;
use crate::reload::Reloader;
use crate::sandbox::Sandbox;
use crate::settings::{Fixed, Settings};
use crate::systemd::Systemd;
use crate::{descriptors, logging};

pub(super) fn run(arguments: &ServeArguments, out: &mut dyn Write) -> Result<(), Failure> {
    let settings =
        Settings::resolve(arguments, Timestamp::now()).map_err(Failure::Configuration)?;
    serve(settings, arguments, out).map_err(Failure::Operation)
}

fn serve(
    mut settings: Settings,
    arguments: &ServeArguments,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    logging::start(settings.log_format, settings.log_level)?;
    reloading::warn_of_next(&settings);
    if let Some(lack) = descriptors::fit(&mut settings.config) {
        let admission = settings.config.admission;
        tracing::warn!(
            available = lack.available,
            wanted = lack.wanted,
            sessions = admission.sessions,
            strangers = admission.strangers,
            "too few file descriptors for the configured limits, which are lowered; \
             LimitNOFILE= of a systemd unit or `ulimit -n` gives more"
        );
    }
    let started = Fixed::of(&settings);
    let inherited = Inherited::from_environment().context("the sockets that systemd passed")?;
    let control_port = settings.identity.control_port();
    let mut bound = bind_or_inherit(settings.config, &settings.identity, inherited)?;
    let reloading = Reloading::new(arguments, started, Reloader::of(&mut bound));
    // A file is usually changed by putting a new one in its place, so the sandbox allows the directory and not the
    // file.
    let beside_config = arguments.config.as_deref().map(folder);
    let readable = [Some(&*settings.identity_directory), beside_config];
    let readable: Vec<_> = readable.into_iter().flatten().collect();
    Sandbox::enter(settings.sandbox, &readable)?.log();
    let runtime = threads::start().context("the threads that serve could not be started")?;
    runtime.block_on(async {
        let signals = Signals::listen().context("signals cannot be received")?;
        announce::announce(&bound, control_port, out).context("standard output is closed")?;
        until_stopped(bound, reloading, signals).await?;
        anyhow::Ok(())
    })
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

async fn until_stopped(
    bound: Bound,
    mut reloading: Reloading<'_>,
    mut signals: Signals,
) -> Result<(), ListenerDied> {
    let mut alive = std::pin::pin!(alive::keep_telling(Arc::clone(&bound.instance)));
    let stop = Arc::new(Notify::new());
    let serving = {
        let stop = Arc::clone(&stop);
        bound.run(async move { stop.notified().await })
    };
    let mut serving = std::pin::pin!(serving);
    Systemd.ready();
    let mut stops = 0;
    // The first request to stop ends the server gracefully, the second ends it immediately.
    while stops < 2 {
        tokio::select! {
            ended = &mut serving => return ended,
            () = &mut alive => {}
            asked = signals.next() => match asked {
                SignalRequest::Reload => drop(reloading.reload()),
                SignalRequest::Stop => {
                    Systemd.stopping(reloading.stop());
                    stop.notify_one();
                    stops += 1;
                }
            },
            request = reloading.next() => {
                // The admin who asked for the reload may have disconnected.
                let _ = request.send(reloading.reload());
            }
        }
    }
    Ok(())
}
