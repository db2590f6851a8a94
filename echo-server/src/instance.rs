//! The state that all connections of one server share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use echo_core::admission::Admission;
use echo_core::control::{DEFAULT_RUNS, InstanceFacts, ListenerFacts, Places, Runs};
use echo_core::identity::Keyring;
use echo_core::nonces::{self, Nonces};
use echo_core::session::{Env, KernelFacts, Limits};
use echo_core::sightings::{self, Sightings};
use rand::Rng as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::Config;
use crate::half_open::HalfOpenWatch;
use crate::identity::Identity;
use crate::metrics::{Metrics, Present};
use crate::refused_answers::RefusedAnswers;
use crate::reload::ReloadRequest;
use crate::stranger_log::StrangerLog;
use crate::strangers::Strangers;
use crate::tls::ServerTls;
use crate::witness::SynWitness;

/// The state of one server process.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The name of this process in testimonies; no other process has the same.
    pub(crate) name: String,
    pub(crate) clock: Clock,
    live: ArcSwap<Live>,
    pub(crate) metrics: Metrics,
    pub(crate) admission: Admission,
    pub(crate) strangers: Strangers,
    /// The strangers that have begun TLS.
    pub(crate) strangers_in_tls: Strangers,
    pub(crate) stranger_log: StrangerLog,
    pub(crate) nonces: Nonces,
    pub(crate) sightings: Sightings,
    pub(crate) half_open: HalfOpenWatch,
    pub(crate) refused_answers: RefusedAnswers,
    pub(crate) witness: Option<SynWitness>,
    pub(crate) runs: Mutex<Runs>,
    /// The places for control connections of known clients.
    pub(crate) control_places: Arc<Places>,
    /// The places for calls of `WatchSightings` in progress.
    pub(crate) watch_places: Arc<Places>,
    /// Asks the command that runs this server to read its files again. Nobody receives the requests if the server was
    /// not made from files.
    pub(crate) reloads: mpsc::Sender<ReloadRequest>,
    /// Cancelled when the server has been asked to stop. The health endpoint then reports it to load balancers.
    pub(crate) leaving: CancellationToken,
    /// Cancelled when the server stops accepting connections, after its notice.
    pub(crate) draining: CancellationToken,
    /// The known clients' connections, which the server waits for when it stops.
    pub(crate) known: TaskTracker,
}

/// The values that a reload replaces, all together.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) facts: InstanceFacts,
    pub(crate) keyring: Keyring,
    pub(crate) tls: ServerTls,
    pub(crate) limits: Arc<Limits>,
    pub(crate) behind_source_nat: bool,
    pub(crate) notice: Duration,
    pub(crate) grace: Duration,
}

impl Instance {
    /// Creates the state of a server. `witness` is the opened witness of `config`; `reloads` receives the reload
    /// requests that admins send over the control service.
    pub(crate) fn new(
        config: Config,
        identity: &Identity,
        listeners: Vec<ListenerFacts>,
        witness: Option<SynWitness>,
        reloads: mpsc::Sender<ReloadRequest>,
    ) -> Self {
        let clock = Clock::start();
        let half_open = HalfOpenWatch::new(&listeners);
        // Two processes on one host are two instances, because neither knows the other's nonces.
        let mut suffix = [0; INSTANCE_SUFFIX_BYTES];
        rand::rng().fill_bytes(&mut suffix);
        let name = format!("{}/{}", config.instance.as_str(), hex::encode(suffix));
        let facts = InstanceFacts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: name.clone(),
            listeners,
            admission: config.admission,
            session: config.session.clone(),
            sees_half_open: half_open.is_available() && !config.behind_source_nat,
            sees_every_syn: witness.is_some() && !config.behind_source_nat,
        };
        Self {
            metrics: Metrics::new(&facts),
            name,
            admission: Admission::new(config.admission),
            strangers: Strangers::new(config.admission.stranger_limits()),
            strangers_in_tls: Strangers::new(config.admission.tls_stranger_limits()),
            stranger_log: StrangerLog::default(),
            nonces: Nonces::new(nonces::DEFAULT_CAPACITY, nonces::DEFAULT_LIFETIME),
            sightings: Sightings::new(sightings::DEFAULT_CAPACITY, clock.steady()),
            half_open,
            refused_answers: RefusedAnswers::open(),
            witness,
            runs: Mutex::new(Runs::new(DEFAULT_RUNS)),
            control_places: Places::new(
                config.control_connections,
                config.control_connections.div_ceil(2),
            ),
            watch_places: Places::new(usize::MAX, MAX_WATCHES_PER_KEY),
            reloads,
            leaving: CancellationToken::new(),
            draining: CancellationToken::new(),
            known: TaskTracker::new(),
            clock,
            live: ArcSwap::from_pointee(Live::new(&config, identity, facts)),
        }
    }

    /// Returns the values in force at this moment. Do not keep them.
    pub(crate) fn live(&self) -> arc_swap::Guard<Arc<Live>> {
        self.live.load()
    }

    /// Puts `config` and `identity` in force for everything that begins from now on. Running sessions keep what they
    /// began with, and everything that is bound, opened or named only once stays as it was.
    pub(crate) fn reload(&self, config: &Config, identity: &Identity) {
        let mut facts = self.live.load().facts.clone();
        facts.admission = config.admission;
        facts.session = config.session.clone();
        facts.sees_half_open = self.half_open.is_available() && !config.behind_source_nat;
        facts.sees_every_syn = self.witness.is_some() && !config.behind_source_nat;
        self.admission.change_limits(config.admission);
        self.strangers
            .change_limits(config.admission.stranger_limits());
        self.strangers_in_tls
            .change_limits(config.admission.tls_stranger_limits());
        self.live
            .store(Arc::new(Live::new(config, identity, facts)));
    }

    /// Returns the number of connections at this moment, for the metrics endpoint.
    pub(crate) fn present(&self) -> Present {
        let load = self.admission.load();
        Present {
            strangers: load.strangers,
            sessions: load.sessions,
            control: self.control_places.taken(),
            sightings: self.sightings.len(),
            nonces: self.nonces.len(),
        }
    }

    /// Takes and releases the locks that connections share, one after the other. If it returns, no lock is held for
    /// ever.
    pub(crate) fn take_locks(&self) {
        self.present();
        self.strangers.present();
        self.strangers_in_tls.present();
    }

    /// Calls `call` with the things that a session needs from outside. `transport` queries the kernel.
    pub(crate) fn with_env<T>(
        &self,
        transport: &mut dyn FnMut() -> KernelFacts,
        call: impl FnOnce(&mut Env<'_>) -> T,
    ) -> T {
        let live = self.live();
        call(&mut Env {
            now: self.clock.now(),
            wall: self.clock.wall(),
            rng: &mut |buffer| rand::rng().fill_bytes(buffer),
            transport,
            keyring: &live.keyring,
            nonces: &self.nonces,
            instance: &self.name,
        })
    }
}

impl Live {
    fn new(config: &Config, identity: &Identity, facts: InstanceFacts) -> Self {
        Self {
            facts,
            keyring: identity.keyring(),
            tls: ServerTls::new(identity),
            limits: Arc::new(config.session.clone()),
            behind_source_nat: config.behind_source_nat,
            notice: config.notice,
            grace: config.grace,
        }
    }
}

/// The maximum number of watches of one key: more than the runs of several clients have in progress at the same time.
/// Each watch walks through all sightings four times per second.
const MAX_WATCHES_PER_KEY: usize = 16;

/// The number of random bytes in an instance's name: enough to distinguish the processes of one host.
const INSTANCE_SUFFIX_BYTES: usize = 3;
