//! Carries out a run: resolves names, runs all probes at the same time, and looks for a control channel meanwhile. It
//! then asks the server about the probes that failed and writes the run document.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use probe_core::control_record::ControlRecord;
use probe_core::measurement::Measurement;
use probe_core::observation::FailureKind;
use probe_core::run::budget::BUDGET;
use probe_core::run::control_order::Lead;
use probe_core::run::rate::Rate;
use probe_core::run::server_result::ServerResult;
use probe_documents::{Gathered, Host, RunDocument, RunFacts, ServerFacts, conclude};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::connect::ConnectOptions;
use crate::context::RunContext;
use crate::control::ControlChannel;
use crate::destination::Destination;
use crate::host;
use crate::progress::Progress;

mod control_attempt;
mod control_port;
mod control_search;
mod destinations;
mod flows;
mod follow_up;
mod gather;
mod instance_search;
mod outage;
mod pace;
mod second_look;
mod shared_rate;
mod side_handshakes;
mod sightings;
mod slow_line;
mod so_far;
mod survey;
mod task;

use flows::SideOpenings;
use shared_rate::SharedRate;

/// Carries out `config`'s plan. `cancelled` ends the run early; the document then says so.
pub(crate) async fn run(
    config: &Config,
    progress: &Progress,
    cancelled: CancellationToken,
) -> RunDocument {
    let run = Arc::new(Run::new(config, cancelled));
    let started = jiff::Timestamp::now();
    if config
        .plan
        .hosts
        .iter()
        .any(|host| host.parse::<IpAddr>().is_err())
    {
        progress.say("resolving names");
    }
    let found = destinations::find(&run).await;
    progress.say(of_the_sessions(config));
    let measurements = found.unresolved;
    let side_connections = flows::count(&run, &found.destinations);
    let mut servers = JoinSet::new();
    for (order, destination) in found.destinations.into_iter().enumerate() {
        let run = Arc::clone(&run);
        let progress = progress.of_server(order);
        servers.spawn(async move {
            let server = if destination.path().is_direct() {
                gather::gather(&run, destination, side_connections, &progress).await
            } else {
                run.through_proxy(destination, &progress).await
            };
            (order, server)
        });
    }
    let mut by_server = servers.join_all().await;
    // Servers finish in any order; the document lists them as planned.
    by_server.sort_by_key(|(order, _)| *order);
    let mut by_server: Vec<ServerRun> = by_server.into_iter().map(|(_, s)| s).collect();
    sightings::ask(&run, &mut by_server, progress).await;
    so_far::show_all(&run, &by_server, progress);
    if !config.quick {
        look_again(&run, &mut by_server, progress).await;
    }
    progress.clear();
    run.document(measurements, by_server, started)
}

/// Carries out the second looks, which begin once the first part of the run has ended for all servers.
async fn look_again(run: &Arc<Run>, by_server: &mut [ServerRun], progress: &Progress) {
    outage::look(run, by_server, progress).await;
    so_far::show_all(run, by_server, progress);
    let all = by_server.iter_mut();
    join_all(all.map(|server| run.compare(server, progress))).await;
    sightings::ask_again(run, by_server, progress).await;
    so_far::show_all(run, by_server, progress);
    survey::afterwards(run, by_server, progress).await;
    let all = by_server.iter_mut();
    join_all(all.map(|server| follow_up::find_reach(run, server, progress))).await;
    let direct = by_server
        .iter_mut()
        .filter(|s| s.destination.path().is_direct());
    join_all(direct.map(|server| flows::at_the_end(run, server))).await;
}

/// Returns the progress line, which shows the user what the main sessions do.
fn of_the_sessions(config: &Config) -> &'static str {
    if config.plan.probes.iter().any(|p| p.silence.is_some()) {
        "keeping sessions silent, then using them again"
    } else {
        "running a session on each port"
    }
}

/// State that all parts of one run share.
#[derive(Debug)]
struct Run {
    config: Config,
    context: RunContext,
    run_id: [u8; 16],
    /// Rate limit that all surveys share.
    survey_rate: SharedRate,
    /// Rate limit that all side connections share.
    side_rate: SharedRate,
    /// Rate limit for all side connections to ports that let no SYN in.
    early_rate: SharedRate,
    /// The first bytes of side connections.
    side_openings: SideOpenings,
}

/// One server address over one path, with everything that the run knows about it.
#[derive(Debug)]
struct ServerRun {
    destination: Arc<Destination>,
    result: ServerResult,
    /// The channels to the instances of `result`, in the same order.
    channels: Vec<ControlChannel>,
}

/// Everything that was measured.
struct Evidence {
    measurements: Vec<Measurement>,
    reference_probes: Vec<Measurement>,
    /// The control records, one for each server address.
    controls: Vec<ControlRecord>,
}

impl AsRef<ServerResult> for ServerRun {
    fn as_ref(&self) -> &ServerResult {
        &self.result
    }
}

impl Run {
    fn new(config: &Config, cancelled: CancellationToken) -> Self {
        Self {
            context: RunContext::ordinary(
                ConnectOptions::ordinary(config.bind, config.idle_timeout),
                config.connection.pins.clone(),
                config.client.clone(),
                cancelled,
            ),
            run_id: rand::random(),
            survey_rate: SharedRate::new(Rate::OF_SURVEYS),
            side_rate: SharedRate::new(Rate::OF_SIDE_CONNECTIONS),
            early_rate: SharedRate::new(Rate::OF_EARLY_CONNECTIONS),
            side_openings: SideOpenings::default(),
            config: config.clone(),
        }
    }

    /// Judges all measurements and returns the run document.
    fn document(
        &self,
        mut measurements: Vec<Measurement>,
        by_server: Vec<ServerRun>,
        started: jiff::Timestamp,
    ) -> RunDocument {
        let mut reference_probes = Vec::new();
        let mut controls = Vec::new();
        for server in by_server {
            measurements.extend(server.result.probes);
            reference_probes.push(server.result.reference_probe);
            controls.push(server.result.control);
        }
        measurements.sort_by_key(|m| self.order(m));
        let evidence = Evidence {
            measurements,
            reference_probes,
            controls,
        };
        let addresses = socket_facts::local_addresses().unwrap_or_default();
        let host = host::describe(&addresses, self.config.labels.clone());
        self.concluded(evidence, host, started)
    }

    fn concluded(&self, evidence: Evidence, host: Host, started: jiff::Timestamp) -> RunDocument {
        let config = &self.config;
        conclude(Gathered {
            run: RunFacts {
                id: hex::encode(self.run_id),
                started: started.to_string(),
                // This host's clock may have been set back during the run.
                finished: jiff::Timestamp::now().max(started).to_string(),
                profile: config.plan.profile.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                complete: !self.context.cancelled.is_cancelled(),
                quick: config.quick,
            },
            host,
            server: ServerFacts {
                hosts: config.plan.hosts.clone(),
                key_id: config.connection.key_id.to_string(),
                controls: evidence.controls,
            },
            measurements: evidence.measurements,
            reference_probes: evidence.reference_probes,
            skipped: config.plan.skipped.clone(),
        })
    }

    /// Runs all probes of one server address through a proxy, and looks for its control channel.
    async fn through_proxy(
        self: &Arc<Self>,
        destination: Destination,
        progress: &Progress,
    ) -> ServerRun {
        // The search must not dial a port while it is being probed: the server could not distinguish the two
        // connections.
        let (finished, leads) = mpsc::unbounded_channel();
        let destination = Arc::new(destination);
        // Cancels the reference probe alone.
        let nothing_needs_it = self.context.cancelled.child_token();
        let measuring = async {
            let probes = async {
                let began = Instant::now();
                let probes = self.probes(&destination, progress, finished.clone()).await;
                if self.config.plan.paths.len() == 1 && probes.iter().all(Measurement::is_complete)
                {
                    let (ends, waited) = (nothing_needs_it.clone(), began.elapsed());
                    tokio::spawn(async move {
                        sleep(waited + BUDGET.grace).await;
                        ends.cancel();
                    });
                }
                probes
            };
            let reference_probe = async {
                let reference_probe =
                    control_port::measure(self, &destination, nothing_needs_it.clone()).await;
                // A reference probe that was given up says nothing about the server.
                if !given_up(&reference_probe) {
                    let _ = finished.send(Lead::of(&reference_probe));
                }
                reference_probe
            };
            let both = tokio::join!(probes, reference_probe);
            drop(finished);
            both
        };
        let search = control_search::search(self, &destination, leads);
        let ((probes, reference_probe), found) = tokio::join!(measuring, search);
        let (instances, channels) = found.found.into_iter().unzip();
        ServerRun {
            destination,
            result: ServerResult {
                probes,
                reference_probe,
                control: found.record,
                instances,
                is_gone: false,
            },
            channels,
        }
    }

    /// Runs further sessions for the probes of `server` that need them. Through a proxy, few do, since most comparisons
    /// would mix two paths: to the proxy, and from it to the server.
    async fn compare(&self, server: &mut ServerRun, progress: &Progress) {
        if server.result.is_gone {
            return;
        }
        if server.destination.path().is_direct() {
            if self.context.options.line.is_slow() {
                slow_line::run_again(self, server, progress).await;
            } else {
                flows::settle(self, server, progress).await;
                pace::compare(self, server, progress).await;
                follow_up::compare(self, server, progress).await;
                flows::where_sessions_die_at_times(self, server, progress).await;
            }
            sightings::ask_beside(self, server).await;
        } else {
            follow_up::compare(self, server, progress).await;
        }
    }

    /// Runs all planned probes to `destination` at the same time, and returns them in the order of the plan.
    async fn probes(
        self: &Arc<Self>,
        destination: &Arc<Destination>,
        progress: &Progress,
        finished: mpsc::UnboundedSender<Lead>,
    ) -> Vec<Measurement> {
        let mut tasks = JoinSet::new();
        let path = destination.path();
        let planned = self.config.plan.over(&path, &destination.host);
        for (index, planned) in planned.enumerate() {
            let task = task::of(self, planned, destination);
            let (run, progress) = (Arc::clone(self), progress.clone());
            let finished = finished.clone();
            tasks.spawn(async move {
                let measurement = task.run(&run.context).await;
                progress.one_done();
                // The search drops its receiver once it has found a channel.
                let _ = finished.send(Lead::of(&measurement));
                (index, measurement)
            });
        }
        drop(finished);
        let mut all = tasks.join_all().await;
        all.sort_by_key(|(index, _)| *index);
        all.into_iter().map(|(_, m)| m).collect()
    }

    /// Records how a direct probe ended, for the surveys. A probe through a proxy says nothing about this host's own
    /// path to the server.
    fn note(&self, measurement: &Measurement) {
        if measurement.path.is_direct() {
            self.context.options.port_states.ended(measurement);
        }
    }

    /// Returns the sort key of `measurement` in the report: first its host, then its path, both as planned.
    fn order(&self, measurement: &Measurement) -> (usize, usize) {
        let (hosts, paths) = (&self.config.plan.hosts, &self.config.plan.paths);
        let host = hosts.iter().position(|h| *h == measurement.host);
        let path = paths.iter().position(|p| *p == measurement.path);
        (host.unwrap_or(hosts.len()), path.unwrap_or(paths.len()))
    }
}

/// Returns whether the probe was interrupted before its result was known.
fn given_up(measurement: &Measurement) -> bool {
    let failure = measurement.failure();
    failure.is_some_and(|(_, failure)| failure.kind == FailureKind::Interrupted)
}
