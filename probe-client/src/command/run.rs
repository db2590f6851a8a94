//! `fwprobe run`: carries out a run and reports it.

mod until_open;

use std::io;
use std::path::Path;

use anyhow::Context as _;
use probe_documents::RunDocument;
use tokio_util::sync::CancellationToken;

use super::InterruptedAgain;
use super::delivery::Delivery;
use crate::arguments::{Colour, RunArguments};
use crate::config::Config;
use crate::environment::Environment;
use crate::prepared::Prepared;
use crate::progress::{Progress, Screen};
use crate::{run, terminal};

pub(super) fn execute(arguments: &RunArguments, colour: Colour) -> anyhow::Result<u8> {
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let mut prepared = Prepared::read(&arguments.measuring, environment)?;
    let files: Vec<&Path> = arguments.measuring.files().collect();
    let delivery = Delivery::open(&arguments.reports, &files)?.keeping(arguments.keep)?;
    let screen = delivery.screen(colour);
    let measuring = until_open::measured(&prepared.config, arguments.until_open, screen);
    let document = on_network(measuring)??;
    let document = prepared.checked(document);
    delivery.deliver(&document, colour)?;
    Ok(document.summary.exit_code)
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

/// Carries out `config`, and shows its progress on `screen`. Ctrl-C ends the run early, with the measurements so far.
///
/// # Errors
///
/// A second Ctrl-C ends the run immediately.
pub(super) async fn measure(
    config: &Config,
    screen: Option<Screen>,
) -> Result<RunDocument, InterruptedAgain> {
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
) -> Result<T, InterruptedAgain> {
    tokio::pin!(running);
    loop {
        tokio::select! {
            done = &mut running => return Ok(done),
            told = signal() => match told {
                Ok(()) if cancelled.is_cancelled() => return Err(InterruptedAgain),
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
