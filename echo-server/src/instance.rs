//! What all connections of one server share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use echo_core::admission::Admission;
use echo_core::control::{ListenerFacts, Runs, ServerFacts};
use echo_core::identity::Keyring;
use echo_core::nonces::{self, Nonces};
use echo_core::session::{ConnectionId, Env, Limits, TransportFacts};
use echo_core::sightings::{self, Sightings};
use rand::Rng as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::Config;
use crate::half_open::HalfOpenWatch;
use crate::identity::Identity;
use crate::stranger_log::StrangerLog;
use crate::strangers::Strangers;
use crate::tls::ServerTls;

/// One server process' state.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) facts: ServerFacts,
    pub(crate) clock: Clock,
    pub(crate) keyring: Keyring,
    pub(crate) tls: ServerTls,
    pub(crate) limits: Arc<Limits>,
    pub(crate) admission: Admission,
    pub(crate) strangers: Strangers,
    pub(crate) stranger_log: StrangerLog,
    pub(crate) nonces: Nonces,
    pub(crate) sightings: Sightings,
    pub(crate) half_open: HalfOpenWatch,
    pub(crate) runs: Mutex<Runs>,
    /// Control connections of known clients.
    pub(crate) control_places: Arc<Semaphore>,
    pub(crate) behind_source_nat: bool,
    pub(crate) grace: Duration,
    /// Cancelled when the server begins to stop.
    pub(crate) draining: CancellationToken,
    /// Known clients' connections, which are waited for then.
    pub(crate) known: TaskTracker,
}

impl Instance {
    pub(crate) fn new(config: Config, identity: &Identity, listeners: Vec<ListenerFacts>) -> Self {
        let clock = Clock::start();
        let half_open = HalfOpenWatch::new(&listeners);
        // Two processes of one host are two instances: nonces of one mean nothing to the other.
        let mut suffix = [0; INSTANCE_SUFFIX_BYTES];
        rand::rng().fill_bytes(&mut suffix);
        let facts = ServerFacts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instance: format!("{}/{}", config.instance.as_str(), hex::encode(suffix)),
            listeners,
            admission: config.admission,
            session: config.session.clone(),
            sees_half_open: half_open.is_available() && !config.behind_source_nat,
            sees_every_syn: false,
        };
        Self {
            facts,
            keyring: identity.keyring(),
            tls: ServerTls::new(identity),
            limits: Arc::new(config.session),
            admission: Admission::new(config.admission),
            strangers: Strangers::new(config.admission.ungreeted),
            stranger_log: StrangerLog::default(),
            nonces: Nonces::new(nonces::DEFAULT_CAPACITY, nonces::DEFAULT_LIFETIME),
            sightings: Sightings::new(sightings::DEFAULT_CAPACITY, clock.wall()),
            half_open,
            runs: Mutex::new(Runs::new(MAX_RUNS)),
            control_places: Arc::new(Semaphore::new(config.control_connections)),
            behind_source_nat: config.behind_source_nat,
            grace: config.grace,
            draining: CancellationToken::new(),
            known: TaskTracker::new(),
            clock,
        }
    }

    /// A name for a connection that no other has, here or elsewhere.
    pub(crate) fn connection_id() -> ConnectionId {
        let mut id = [0; 8];
        rand::rng().fill_bytes(&mut id);
        ConnectionId(id)
    }

    /// Lets `call` into a session, with what it needs from outside. `transport` asks the kernel.
    pub(crate) fn with_env<T>(
        &self,
        transport: &mut dyn FnMut() -> TransportFacts,
        call: impl FnOnce(&mut Env<'_>) -> T,
    ) -> T {
        call(&mut Env {
            now: self.clock.now(),
            wall: self.clock.wall(),
            rng: &mut |buffer| rand::rng().fill_bytes(buffer),
            transport,
            keyring: &self.keyring,
            nonces: &self.nonces,
            instance: &self.facts.instance,
        })
    }
}

/// Enough to tell the processes of one host apart.
const INSTANCE_SUFFIX_BYTES: usize = 3;

/// More than any site has in an hour. They are only remembered for the log's sake.
const MAX_RUNS: usize = 1024;
