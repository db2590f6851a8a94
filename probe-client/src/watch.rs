//! `fwprobe watch`: repeats a run. `probe_documents::watch` decides when a run begins and which changes count; this
//! module carries out runs, keeps their documents, and publishes them.

use std::sync::Arc;
use std::time::Duration;

use probe_documents::RunDocument;
use probe_documents::watch::{Next, Rhythm, RunDecision, RunTimes};
use rand::RngExt as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

mod clock;
mod folder;
mod http;
mod log;
mod on_change;
#[cfg(feature = "otlp")]
mod otlp;
mod stop;
mod systemd;
mod textfile;
mod watched;
#[cfg(not(feature = "otlp"))]
mod without_otlp;

pub(crate) use folder::DocumentFolder;
pub(crate) use log::Log;
pub(crate) use on_change::OnChange;
#[cfg(feature = "otlp")]
pub(crate) use otlp::OtlpReceiver;
pub(crate) use textfile::Textfile;
pub(crate) use watched::Watched;
#[cfg(not(feature = "otlp"))]
pub(crate) use without_otlp::OtlpReceiver;

use clock::Clock;
use log::Event;

use crate::config::Config;
use crate::prepared::Prepared;
use crate::progress::Progress;
use crate::{run, start_jitter, terminal};

/// Where the results of runs go.
#[derive(Debug)]
pub(crate) struct Destinations {
    pub(crate) log: Log,
    pub(crate) folder: Option<DocumentFolder>,
    pub(crate) textfile: Option<Textfile>,
    pub(crate) otlp: Option<OtlpReceiver>,
    pub(crate) on_change: Option<OnChange>,
    /// The listener for metrics and the status page.
    pub(crate) listener: Option<std::net::TcpListener>,
}

/// Repeats the prepared run until the user or the system ends it, or until `count` runs are done. Returns the exit
/// code.
///
/// # Errors
///
/// The signals of the system cannot be received, or the listener cannot be used.
pub(crate) async fn watch(
    mut prepared: Prepared,
    rhythm: Rhythm,
    mut destinations: Destinations,
    count: Option<u32>,
) -> anyhow::Result<u8> {
    let stop = stop::on_signal()?;
    let watched = Arc::new(Watched::new(rhythm.interval));
    if let Some(folder) = &destinations.folder {
        folder.recall(&prepared, &watched, &destinations.log);
    }
    if let Some(listener) = destinations.listener.take() {
        http::serve(listener, Arc::clone(&watched), &destinations.log)?;
    }
    systemd::ready(&destinations.log);
    if !waits_to_start(&prepared.config, &watched, &stop).await {
        return Ok(end(&mut destinations));
    }
    let clock = Clock::start();
    let mut times = RunTimes::new(rhythm, clock.now());
    let mut left = count;
    loop {
        while let Some(pause) = times.wait(clock.now()) {
            if !goes_on(pause, &stop).await {
                return Ok(end(&mut destinations));
            }
        }
        times.begins(clock.now());
        let progress = Progress::new(prepared.config.plan.len(), None);
        let document = run::run(&prepared.config, &progress, stop.clone()).await;
        if stop.is_cancelled() {
            // An interrupted run is not published, so that no run is compared with it.
            return Ok(end(&mut destinations));
        }
        let document = prepared.checked(document);
        let decision = decision(&document);
        let exit_code = document.summary.exit_code;
        let next = times.ended(decision, clock.now(), rand::rng().random());
        destinations.publish(document, &watched, next, &stop).await;
        left = left.map(|left| left - 1);
        if left == Some(0) {
            end(&mut destinations);
            return Ok(exit_code);
        }
    }
}

/// Waits before the first run, if `--start-jitter` asks for it. Returns false if the watch ends.
async fn waits_to_start(config: &Config, watched: &Watched, stop: &CancellationToken) -> bool {
    let Some(delay) = start_jitter::delay(config) else {
        return true;
    };
    terminal::tell(&start_jitter::message(delay));
    watched.begins_in(delay);
    goes_on(delay, stop).await
}

/// Waits for `pause`. Returns false if the watch ends.
async fn goes_on(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = sleep(pause) => true,
    }
}

fn decision(document: &RunDocument) -> RunDecision {
    let summary = &document.summary;
    if summary.undecided == summary.probes {
        RunDecision::Undecided
    } else {
        RunDecision::Decided
    }
}

/// Tries once more to write the documents that could not be written, and returns the exit code.
fn end(destinations: &mut Destinations) -> u8 {
    if let Some(folder) = &mut destinations.folder {
        folder.write_waiting(&destinations.log);
    }
    destinations.log.write(&Event::Stopped);
    0
}

impl Destinations {
    async fn publish(
        &mut self,
        document: RunDocument,
        watched: &Watched,
        next: Next,
        stop: &CancellationToken,
    ) {
        let document = Arc::new(document);
        let written = self.folder.as_mut().map(|folder| {
            folder.keep(&document, &self.log);
            folder.waiting()
        });
        let changes = watched.add(Arc::clone(&document), written.unwrap_or(0));
        self.log.write(&Event::run(&document, next));
        for change in &changes {
            self.log.write(&Event::change(&document, change));
        }
        if let Some(textfile) = &self.textfile {
            textfile.write(watched, &self.log);
        }
        if let Some(receiver) = &self.otlp {
            receiver.push(watched, &document, &changes, &self.log).await;
        }
        if let Some(command) = self.on_change.as_ref().filter(|_| !changes.is_empty())
            && let Err(problem) = command.run(&document, &changes, stop).await
        {
            self.log.problem(problem);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use probe_core::catalogue::VerdictId;
    use probe_core::judge::Outcome;
    use probe_documents::watch::Moment;
    use probe_report::metrics::Exposition;

    use super::*;

    /// The fourth run confirms a change, and the command then hangs.
    #[tokio::test]
    async fn a_command_that_hangs_does_not_stop_the_watch() {
        let text = include_str!("../core/tests/scenarios/dropped.json");
        let dropped: RunDocument = serde_json::from_str(text).unwrap();
        let mut rejected = dropped.clone();
        for probe in &mut rejected.probes {
            probe.outcome = Outcome::NotAsExpected;
            probe.verdict.id = VerdictId::Rejected;
        }
        let mut hanging = OnChange::new("sleep 3600".to_owned());
        hanging.longest = Duration::from_millis(1);
        let mut destinations = Destinations {
            log: Log::for_reader(),
            folder: None,
            textfile: None,
            otlp: None,
            on_change: Some(hanging),
            listener: None,
        };
        let start = Moment {
            running: Duration::ZERO,
            date: Duration::ZERO,
        };
        let rhythm = Rhythm {
            interval: Duration::from_secs(300),
            jitter: Duration::ZERO,
        };
        let watched = Watched::new(rhythm.interval);
        let mut times = RunTimes::new(rhythm, start);
        let stop = CancellationToken::new();
        let runs = [&dropped, &dropped, &rejected, &rejected, &rejected];
        for run in runs {
            let next = times.ended(RunDecision::Decided, start, 0.0);
            destinations
                .publish(run.clone(), &watched, next, &stop)
                .await;
        }
        let metrics = watched.metrics(Exposition::Classic);
        let counted = r#"fwprobe_runs_total{outcome="not_as_expected"} 5"#;
        assert!(metrics.contains(counted), "{metrics}");
        assert!(metrics.contains("fwprobe_changes_total 2"), "{metrics}");
    }
}
