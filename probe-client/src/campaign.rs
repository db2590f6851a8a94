//! A run: every name resolved, every probe in flight at once, the control channel sought beside
//! them, the server asked about what failed, and the document drawn up.

use std::net::IpAddr;
use std::sync::Arc;

use probe_core::control_record::ControlRecord;
use probe_core::document::{RunDocument, RunFacts, ServerFacts};
use probe_core::judge::{Gathered, conclude};
use probe_core::measurement::Measurement;
use probe_core::observation::Observation;
use probe_core::plan::PlannedProbe;
use rustls::pki_types::ServerName;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{RunClock, wall_unix_ms};
use crate::config::Config;
use crate::connect::ConnectOptions;
use crate::control::ControlIdentity;
use crate::probe::{ProbeContext, ProbeTask};
use crate::progress::Progress;
use crate::resolve::resolve;
use crate::{host, tls};

mod control_port;
mod control_search;
mod sightings;
mod task;

use control_search::{Found, Lead};

/// Carries out `config`'s plan. `cancelled` ends it early; the document then says so.
pub(crate) async fn run(
    config: &Config,
    progress: &Progress,
    cancelled: CancellationToken,
) -> RunDocument {
    let campaign = Arc::new(Campaign::new(config, cancelled));
    let started = jiff::Timestamp::now();
    let mut servers = JoinSet::new();
    let mut measurements = Vec::new();
    progress.say("resolving names");
    for host in &config.plan.hosts {
        let (addresses, observation) =
            resolve(host, config.family, config.patience, campaign.context.clock).await;
        if addresses.is_empty() {
            measurements.extend(campaign.unresolved(host, &observation));
        }
        for address in addresses {
            let campaign = Arc::clone(&campaign);
            let (host, observation) = (host.clone(), observation.clone());
            let progress = progress.clone();
            servers.spawn(async move {
                campaign
                    .server(&host, address, observation, &progress)
                    .await
            });
        }
    }
    let mut by_server: Vec<ServerResult> = servers.join_all().await;
    // As planned, not as finished.
    by_server.sort_by_key(|s| campaign.order(&s.control.host, s.control.address));
    progress.clear();
    let mut comparisons = Vec::new();
    let mut controls = Vec::new();
    for server in by_server {
        measurements.extend(server.probes);
        comparisons.push(server.comparison);
        controls.push(server.control);
    }
    conclude(Gathered {
        run: RunFacts {
            id: hex::encode(campaign.run_id),
            started: started.to_string(),
            finished: jiff::Timestamp::now().to_string(),
            profile: config.plan.profile.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            complete: !campaign.context.cancelled.is_cancelled(),
        },
        host: host::describe(&socket_facts::local_addresses().unwrap_or_default()),
        server: ServerFacts {
            hosts: config.plan.hosts.clone(),
            key_id: config.connection.key_id.to_string(),
            controls,
        },
        measurements,
        comparisons,
        skipped: config.plan.skipped.clone(),
    })
}

/// What all parts of one run share.
#[derive(Debug)]
struct Campaign {
    config: Config,
    context: ProbeContext,
    run_id: [u8; 16],
    /// This host's clock at the run's start.
    wall_unix_ms: u64,
}

/// Everything about one server address.
#[derive(Debug)]
struct ServerResult {
    probes: Vec<Measurement>,
    comparison: Measurement,
    control: ControlRecord,
}

impl Campaign {
    fn new(config: &Config, cancelled: CancellationToken) -> Self {
        Self {
            context: ProbeContext {
                clock: RunClock::start(),
                options: ConnectOptions {
                    bind: config.bind,
                    patience: config.patience,
                },
                pins: config.connection.pins.clone(),
                cancelled,
            },
            run_id: rand::random(),
            wall_unix_ms: wall_unix_ms(),
            config: config.clone(),
        }
    }

    /// All probes of one server address, its control channel, and what the server says of those that
    /// brought no testimony.
    async fn server(
        self: Arc<Self>,
        host: &str,
        address: IpAddr,
        resolved: Observation,
        progress: &Progress,
    ) -> ServerResult {
        // The search must not dial a port while it is being probed: the server could not tell the two
        // connections apart.
        let (finished, leads) = mpsc::unbounded_channel();
        let measuring = async {
            let probes = self.probes(host, address, &resolved, progress, finished.clone());
            let comparison = async {
                let comparison = control_port::measure(&self, host, address, &resolved).await;
                let _ = finished.send(Lead::of(&comparison));
                comparison
            };
            let both = tokio::join!(probes, comparison);
            drop(finished);
            both
        };
        let search = control_search::search(&self, host, address, leads);
        let ((probes, comparison), found) = tokio::join!(measuring, search);
        let mut result = ServerResult {
            probes,
            comparison,
            control: found.record(),
        };
        if let Found::Channel {
            mut channel,
            record,
        } = found
        {
            progress.say("asking the server what it saw");
            sightings::ask(&self, &mut channel, &record, &mut result).await;
        }
        result
    }

    /// Every planned probe to `address`, all at once, in the order of the plan.
    async fn probes(
        &self,
        host: &str,
        address: IpAddr,
        resolved: &Observation,
        progress: &Progress,
        finished: mpsc::UnboundedSender<Lead>,
    ) -> Vec<Measurement> {
        let mut tasks = JoinSet::new();
        for (index, planned) in self.config.plan.probes.iter().enumerate() {
            let task = self.task(planned, host, address, resolved);
            let (context, progress) = (self.context.clone(), progress.clone());
            let finished = finished.clone();
            tasks.spawn(async move {
                let measurement = task.run(&context).await;
                progress.one_done();
                // Nobody listens any more once a channel is found.
                let _ = finished.send(Lead::of(&measurement));
                (index, measurement)
            });
        }
        drop(finished);
        let mut all = tasks.join_all().await;
        all.sort_by_key(|(index, _)| *index);
        all.into_iter().map(|(_, m)| m).collect()
    }

    fn task(
        &self,
        planned: &PlannedProbe,
        host: &str,
        address: IpAddr,
        resolved: &Observation,
    ) -> ProbeTask {
        task::of(self, planned, host, address, resolved.clone())
    }

    /// A name without addresses fails every rule, each with the same observation.
    fn unresolved(&self, host: &str, observation: &Observation) -> Vec<Measurement> {
        self.config
            .plan
            .probes
            .iter()
            .map(|planned| task::unresolved(planned, host, observation))
            .collect()
    }

    fn identity(&self, host: &str) -> ControlIdentity {
        let server_name: ServerName<'static> = tls::server_name(host);
        ControlIdentity {
            key_id: self.config.connection.key_id.clone(),
            secret: self.config.connection.secret.clone(),
            pins: self.context.pins.clone(),
            server_name,
        }
    }

    fn order(&self, host: &str, address: IpAddr) -> (usize, IpAddr) {
        let hosts = &self.config.plan.hosts;
        let position = hosts.iter().position(|h| h == host);
        (position.unwrap_or(hosts.len()), address)
    }
}

fn testified(measurement: &Measurement) -> bool {
    measurement
        .session
        .as_ref()
        .is_some_and(|s| s.testimony.is_some())
}

/// Nothing is left to ask about it.
fn complete(measurement: &Measurement) -> bool {
    testified(measurement) && measurement.failure().is_none()
}
