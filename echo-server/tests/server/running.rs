//! A server in the test's own process, on the loopback address.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use echo_server::{Config, Identity, InstanceName, Listen, bind};
use jiff::Timestamp;
use proto::key::{KeyId, Secret};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Running {
    pub(crate) identity: Identity,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) private: BTreeMap<&'static str, SocketAddr>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) stopped: JoinHandle<()>,
}

/// A client key of the server.
#[derive(Clone)]
pub(crate) struct Holder {
    pub(crate) id: KeyId,
    pub(crate) secret: Secret,
}

impl Running {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config();
        change(&mut config);
        Self::serve(config, identity())
    }

    pub(crate) fn serve(config: Config, identity: Identity) -> Self {
        let bound = bind(config, &identity).unwrap();
        let addresses = bound.listeners().iter().map(|l| l.address()).collect();
        let private = bound.private_listeners().collect();
        let (stop, stopping) = oneshot::channel();
        let stopped = tokio::spawn(async move {
            let stopping = async move {
                let _ = stopping.await;
            };
            bound.run(stopping).await.unwrap();
        });
        Self {
            identity,
            addresses,
            private,
            stop,
            stopped,
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addresses[0]).await.unwrap()
    }

    /// Calls `ask` repeatedly until it returns an answer.
    pub(crate) async fn until<T>(&self, ask: impl AsyncFn() -> Option<T>) -> T {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn holder(&self, index: usize) -> Holder {
        let key = &self.identity.keys()[index];
        Holder {
            id: key.id.clone(),
            secret: key.secret.clone(),
        }
    }
}

impl Holder {
    /// Returns the same id with a wrong secret.
    pub(crate) fn with_wrong_secret(&self) -> Self {
        Self {
            id: self.id.clone(),
            secret: Secret::new([0xee; 32]),
        }
    }

    /// Returns the same secret with an id that no key has.
    pub(crate) fn with_unknown_id(&self) -> Self {
        Self {
            id: "nobody".parse().unwrap(),
            secret: self.secret.clone(),
        }
    }
}

/// Returns a configuration with two listeners; the second has the public port 443.
pub(crate) fn config() -> Config {
    let first = Listen::on("127.0.0.1:0".parse().unwrap());
    let mut second = first;
    second.public_port = Some(443);
    let listen = vec![first, second];
    Config::new(listen, InstanceName::from_host_name("test"))
}

/// Changes [`config`] so that a silent stranger is disconnected after a moment.
pub(crate) fn impatient(config: &mut Config) {
    config.session.first_byte = SOON;
    config.session.greeting = SOON;
}

pub(crate) fn identity() -> Identity {
    let labels = ["first", "second"].map(|label| label.parse().unwrap());
    Identity::mint(&["127.0.0.1".to_owned()], 8443, labels, Timestamp::now()).unwrap()
}

/// A short deadline, for tests in which a silent connection has to reach it.
pub(crate) const SOON: Duration = Duration::from_millis(300);

/// A deadline that is also long enough for a handshake and a proof of a key on a busy machine.
pub(crate) const LATER: Duration = Duration::from_secs(3);
