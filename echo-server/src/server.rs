//! Accepts connections until the server is asked to stop, then lets running sessions finish.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use echo_core::admission::Permit;
use echo_core::control::ListenerFacts;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::bind::{Bound, BoundListener};
use crate::connection;
use crate::give_back;
use crate::instance::Instance;
use crate::listener_guard::{ListenerDied, ListenerGuard};
use crate::private;
use crate::tasks::Tasks;
use crate::track::Track;
use crate::watch;

impl Bound {
    /// Serves until `shutdown` is ready. Then it accepts no more connections, refuses new sessions, and waits for
    /// running ones, for the configured time at most. Dropping the future ends everything immediately.
    ///
    /// Strangers get only a moment, in which they can send a greeting and be refused.
    ///
    /// # Errors
    /// A listener is no longer served, although nobody has asked the server to stop.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ListenerDied> {
        let server = Server {
            instance: self.instance,
            tasks: Tasks::default(),
        };
        // Nobody took the receiver, so admin reload requests are not served.
        drop(self.reloads);
        let _abandoned = server.tasks.abandon_on_drop();
        let instance = Arc::clone(&server.instance);
        // These tasks are separate from the others, because they run until the end.
        let private = Tasks::default();
        let _private_abandoned = private.abandon_on_drop();
        let (deaths, mut listener_died) = mpsc::unbounded_channel();
        private::serve(self.private, &instance, &private, &deaths);
        private.spawn(watch::read_witness(Arc::clone(&instance)));
        private.spawn(give_back::give_back_on(Arc::clone(&instance)));
        for listener in self.listeners {
            let guard = ListenerGuard::new(listener.address(), &deaths);
            let accepting = server.clone().accept_on(listener, guard);
            server.tasks.spawn(accepting);
        }
        let told_to_stop = async {
            shutdown.await;
            instance.leaving.cancel();
            let notice = instance.live().notice;
            sleep(notice).await;
        };
        tokio::select! {
            () = told_to_stop => {}
            Some(error) = listener_died.recv() => {
                tracing::error!(listener = %error.0, "connections are not accepted any more; the \
                                                  server ends");
                return Err(error);
            }
        }
        server.drain().await;
        Ok(())
    }
}

#[derive(Clone)]
struct Server {
    instance: Arc<Instance>,
    tasks: Tasks,
}

impl Server {
    async fn accept_on(self, listener: BoundListener, _guard: ListenerGuard) {
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
            // The connection was gone before it was handled.
            return;
        };
        // Linux copies the option from the listener.
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

    /// Stops accepting, and gives running sessions the grace period to finish.
    async fn drain(&self) {
        let instance = &self.instance;
        let grace = instance.live().grace;
        instance.draining.cancel();
        instance.admission.drain();
        tracing::info!(
            sessions = instance.admission.load().sessions,
            grace_seconds = grace.as_secs(),
            "stopping; waiting for the running sessions"
        );
        instance.known.close();
        let finished = async {
            tokio::select! {
                () = self.tasks.wait() => {}
                () = async {
                    instance.known.wait().await;
                    sleep(COURTESY).await;
                    instance.known.wait().await;
                } => {}
            }
        };
        if timeout(grace, finished).await.is_err() {
            let left = instance.admission.load().sessions;
            tracing::warn!(
                sessions = left,
                "the grace period is over; the sessions that still run are ended"
            );
        }
        self.tasks.abandon();
        self.tasks.wait().await;
        instance.stranger_log.flush(instance.clock.now());
    }

    /// Returns a permit for one more connection. If there is none, it evicts a stranger first.
    async fn permit(&self) -> Permit {
        let Instance {
            admission,
            strangers,
            ..
        } = &*self.instance;
        loop {
            let mut someone_left = pin!(strangers.someone_left());
            // The notification is enabled before the check, so that a connection which leaves between the two is not
            // missed.
            someone_left.as_mut().enable();
            if let Some(permit) = admission.accept() {
                return permit;
            }
            strangers.make_one_place();
            someone_left.await;
        }
    }
}

/// The pause after a failed accept, so that the loop does not spin while descriptors are short.
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

/// Returns whether the error concerns only the connection to be accepted, so that the next accept may succeed.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// The time in which strangers can still send a greeting and be refused: a round trip and a retransmission.
const COURTESY: Duration = Duration::from_millis(1500);
/// The time between warnings about failed accepts, which strangers may be able to cause.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
/// The number of times that the pause doubles, up to 640 ms.
const MAX_DOUBLINGS: u32 = 6;

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bind::bind;
    use crate::config::{Config, InstanceName, Listen};
    use crate::identity::Identity;

    fn bound() -> Bound {
        let listen = vec![Listen::on(([127, 0, 0, 1], 0).into()); 2];
        let config = Config::new(listen, InstanceName::from_host_name("test"));
        let (hosts, labels) = (["echo.example".to_owned()], ["key".parse().unwrap()]);
        let identity = Identity::mint(&hosts, 443, labels, Timestamp::now()).unwrap();
        bind(config, &identity).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_listener_that_cannot_be_served_ends_the_server() {
        use std::os::fd::OwnedFd;
        let mut bound = bound();
        // epoll does not accept regular files.
        let file = OwnedFd::from(tempfile::tempfile().unwrap());
        bound.listeners[1].socket = file.into();
        bound.listeners[1].socket.set_nonblocking(true).unwrap();
        let address = bound.listeners[1].address();
        let ended = bound.run(std::future::pending()).await;
        assert_eq!(ended, Err(ListenerDied(address)));
    }

    #[tokio::test]
    async fn who_panics_deserts() {
        let (deaths, mut listener_died) = mpsc::unbounded_channel();
        let address = ([127, 0, 0, 1], 443).into();
        let guard = ListenerGuard::new(address, &deaths);
        Tasks::default().spawn(async move {
            let _guard = guard;
            panic!("on purpose");
        });
        assert_eq!(listener_died.recv().await, Some(ListenerDied(address)));
    }

    #[tokio::test]
    async fn who_ends_with_the_server_does_not() {
        assert_eq!(bound().run(std::future::ready(())).await, Ok(()));
    }
}
