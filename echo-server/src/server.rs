//! Accepts connections until it is told to stop, and lets those that are running come to their end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use echo_core::admission::Permit;
use echo_core::control::ListenerFacts;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::bind::{Bound, BoundListener};
use crate::connection;
use crate::instance::Instance;
use crate::private;
use crate::tasks::Tasks;
use crate::track::Track;
use crate::witness;

impl Bound {
    /// Serves until `shutdown` is ready. Then it accepts no more, refuses new sessions, and waits for
    /// running ones, for the configured time at most. Dropping it ends everything at once.
    ///
    /// Strangers are not waited for, but for the moment that it takes to greet and be refused.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let server = Server {
            instance: self.instance,
            tasks: Tasks::default(),
        };
        // Whoever has not asked for it by now does not hear admins.
        drop(self.reloads);
        let _abandoned = server.tasks.abandon_on_drop();
        let instance = Arc::clone(&server.instance);
        // Apart from the others, because they are there until the end.
        let private = Tasks::default();
        let _private_abandoned = private.abandon_on_drop();
        private::serve(self.private, &instance, &private);
        private.spawn(witness::read_on(Arc::clone(&instance)));
        for listener in self.listeners {
            let accepting = server.clone().accept_on(listener);
            server.tasks.spawn(accepting);
        }
        shutdown.await;
        instance.leaving.cancel();
        let (notice, grace) = (instance.live().notice, instance.live().grace);
        sleep(notice).await;
        instance.draining.cancel();
        instance.admission.drain();
        tracing::info!(
            sessions = instance.admission.load().greeted,
            grace_seconds = grace.as_secs(),
            "stopping; running sessions are waited for"
        );
        instance.known.close();
        let finished = async {
            tokio::select! {
                () = server.tasks.wait() => {}
                () = async {
                    instance.known.wait().await;
                    sleep(COURTESY).await;
                    instance.known.wait().await;
                } => {}
            }
        };
        if timeout(grace, finished).await.is_err() {
            let left = instance.admission.load().greeted;
            tracing::warn!(
                sessions = left,
                "the grace period is over; what is still running ends"
            );
        }
        server.tasks.abandon();
        server.tasks.wait().await;
        instance.stranger_log.flush(instance.clock.now());
    }
}

#[derive(Clone)]
struct Server {
    instance: Arc<Instance>,
    tasks: Tasks,
}

impl Server {
    async fn accept_on(self, listener: BoundListener) {
        let facts = listener.facts();
        let socket = match TcpListener::from_std(listener.socket) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::error!(listener = %facts.address, %error, "cannot be served");
                return;
            }
        };
        let draining = self.instance.draining.clone();
        let accepting = async {
            let mut pause = Pause::default();
            loop {
                match socket.accept().await {
                    Ok((tcp, peer)) => {
                        pause.failures = 0;
                        self.take(tcp, peer, &facts).await;
                    }
                    Err(error) => pause.after(&error, facts.address).await,
                }
            }
        };
        draining.run_until_cancelled(accepting).await;
    }

    async fn take(&self, tcp: TcpStream, peer: SocketAddr, listener: &ListenerFacts) {
        let Ok(facts) = connection::facts(&tcp, peer, listener) else {
            // Gone before it was looked at.
            return;
        };
        // Linux hands it on from the listener.
        #[cfg(not(target_os = "linux"))]
        let _ = tcp.set_nodelay(true);
        let instance = &self.instance;
        let permit = self.permit().await;
        let (now, source) = (instance.clock.now(), facts.peer.ip().into());
        let (stranger, pressure) = instance.strangers.enter(now, source);
        if let Some(pressure) = pressure {
            instance.metrics.refused(pressure.word());
        }
        let track = Track::begin(Arc::clone(instance), facts, permit, stranger);
        let serving = connection::serve(tcp, Arc::new(track), self.tasks.clone());
        self.tasks.spawn(serving);
    }

    /// A permit for one more connection. Where there is none, a stranger has to go first.
    async fn permit(&self) -> Permit {
        let Instance {
            admission,
            strangers,
            ..
        } = &*self.instance;
        loop {
            let mut someone_left = pin!(strangers.someone_left());
            // Before the look, so that nobody leaves unheard between the two.
            someone_left.as_mut().enable();
            if let Some(permit) = admission.accept() {
                return permit;
            }
            strangers.make_one_place();
            someone_left.await;
        }
    }
}

/// How long to wait after a failed accept: never spin while descriptors are short.
#[derive(Debug, Default)]
struct Pause {
    failures: u32,
    warned: Option<Instant>,
}

impl Pause {
    async fn after(&mut self, error: &io::Error, listener: SocketAddr) {
        if is_the_peers(error) {
            return;
        }
        if self
            .warned
            .is_none_or(|warned| warned.elapsed() >= BETWEEN_WARNINGS)
        {
            self.warned = Some(Instant::now());
            tracing::warn!(%listener, %error, "connections cannot be accepted; trying again");
        }
        let doublings = self.failures.min(MAX_DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        sleep(SHORTEST_PAUSE * (1 << doublings)).await;
    }
}

/// Whether the connection to be accepted is to blame, and the next one may be better.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// A round trip and a retransmission.
const COURTESY: Duration = Duration::from_millis(1500);
/// Strangers may be able to cause them.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// Up to 640 ms.
const MAX_DOUBLINGS: u32 = 6;
