//! `fwprobe run`: carries out a run and reports it.

mod until_open;

use std::io;
use std::path::Path;

use anyhow::Context as _;
use probe_documents::RunDocument;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Interrupted;
use super::delivery::Delivery;
use crate::arguments::{Colour, RunArguments};
use crate::config::Config;
use crate::environment::Environment;
use crate::prepared::Prepared;
use crate::progress::{Progress, Screen};
use crate::upload::Uploads;
use crate::{run, start_jitter, terminal};

pub(super) fn execute(arguments: &RunArguments, colour: Colour) -> anyhow::Result<u8> {
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let mut prepared = Prepared::read(&arguments.measuring, environment)?;
    let files: Vec<&Path> = arguments.measuring.files().collect();
    let (reports, uploads) = Uploads::split(&arguments.reports)?;
    let delivery = Delivery::open(&reports, &files)?.keeping(arguments.keep)?;
    let screen = delivery.screen(colour);
    let document = on_network(async {
        wait_to_start(&prepared.config, reports.quiet).await?;
        until_open::measured(&prepared.config, arguments.until_open, screen).await
    })??;
    let document = prepared.checked(document);
    let delivered = delivery.deliver(&document, colour);
    let saved = delivered.as_deref().unwrap_or_default().first();
    upload(
        &uploads.saved_in(saved),
        &prepared.config,
        &document,
        reports.quiet,
    );
    delivered?;
    Ok(document.summary.exit_code)
}

/// Sends the reports that go to a URL. A failure is told, and does not change the exit code.
pub(super) fn upload(uploads: &Uploads, config: &Config, document: &RunDocument, quiet: bool) {
    if uploads.is_empty() {
        return;
    }
    if let Err(error) = on_network(uploads.send(config, document, quiet)) {
        terminal::tell(&format!("error: nothing is sent: {error:#}"));
    }
}

/// Runs `work` on its own runtime. Threads that are still blocked when it has finished are left behind, since fwprobe
/// cannot interrupt the system's resolver.
pub(super) fn on_network<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot start")?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Waits before the first packet, if `--start-jitter` asks for it. Unless `quiet`, the user is told.
///
/// # Errors
///
/// Ctrl-C ends the waiting.
pub(super) async fn wait_to_start(config: &Config, quiet: bool) -> Result<(), Interrupted> {
    let Some(delay) = start_jitter::delay(config) else {
        return Ok(());
    };
    let pause = async {
        if !quiet {
            terminal::tell(&start_jitter::message(delay));
        }
        sleep(delay).await;
    };
    tokio::select! {
        // Starts to listen for Ctrl-C before the message tells the user about it.
        biased;
        Ok(()) = tokio::signal::ctrl_c() => Err(Interrupted::BeforeStart),
        () = pause => Ok(()),
    }
}

/// Carries out `config`, and shows its progress on `screen`. Ctrl-C ends the run early, with the measurements so far.
///
/// # Errors
///
/// A second Ctrl-C ends the run immediately.
pub(super) async fn measure(
    config: &Config,
    screen: Option<Screen>,
) -> Result<RunDocument, Interrupted> {
    let cancelled = CancellationToken::new();
    let progress = Progress::new(config.plan.len(), screen);
    let running = run::run(config, &progress, cancelled.clone());
    interruptible(running, &progress, &cancelled, tokio::signal::ctrl_c).await
}

/// Returns the result of `running`. The first `signal` only asks it to end.
async fn interruptible<T>(
    running: impl Future<Output = T>,
    progress: &Progress,
    cancelled: &CancellationToken,
    mut signal: impl AsyncFnMut() -> io::Result<()>,
) -> Result<T, Interrupted> {
    tokio::pin!(running);
    loop {
        tokio::select! {
            done = &mut running => return Ok(done),
            told = signal() => match told {
                Ok(()) if cancelled.is_cancelled() => return Err(Interrupted::Again),
                Ok(()) => {
                    progress.aside(|| terminal::tell("interrupted: writing what was measured"));
                    cancelled.cancel();
                }
                // Without a signal handler, the run cannot be interrupted.
                Err(_) => return Ok(running.await),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `running` with `signals` signals and then none, and returns whether it ended by itself.
    async fn after(
        signals: u32,
        running: impl Future<Output = ()>,
        cancelled: &CancellationToken,
    ) -> bool {
        let mut left = signals;
        let signal = async || {
            if left == 0 {
                std::future::pending::<()>().await;
            }
            left -= 1;
            Ok(())
        };
        let progress = Progress::new(0, None);
        let ended = interruptible(running, &progress, cancelled, signal).await;
        ended.is_ok()
    }

    #[tokio::test]
    async fn the_first_signal_asks_and_the_second_does_not_wait() {
        let cancelled = CancellationToken::new();
        assert!(after(1, cancelled.cancelled(), &cancelled).await);
        let cancelled = CancellationToken::new();
        assert!(!after(2, std::future::pending(), &cancelled).await);
        assert!(cancelled.is_cancelled());
    }

    #[test]
    fn what_still_blocks_is_left_behind() {
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let begun = on_network(async move {
            // This would block for ever if the runtime waited for it.
            drop(tokio::task::spawn_blocking(move || blocked.recv()));
        });
        assert!(begun.is_ok());
        drop(release);
    }
}
