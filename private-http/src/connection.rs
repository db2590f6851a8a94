//! One connection: HTTP/1.1 or HTTP/2, for a limited time.

use std::pin::pin;
use std::time::Duration;

use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Answers, Spawn};

/// Lets `service` answer on the connection until it ends.
pub(crate) async fn converse(tcp: TcpStream, service: impl Answers, tasks: impl Spawn) {
    let mut builder = auto::Builder::new(Tasks(tasks));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new());
    let service = TowerToHyperService::new(service);
    let connection = builder.serve_connection(TokioIo::new(tcp), service);
    let mut connection = pin!(connection);
    if timeout(LIFETIME, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(LEAVE, connection).await;
    }
}

/// Starts the tasks of HTTP/2 connections.
#[derive(Clone)]
struct Tasks<S>(S);

impl<S: Spawn, F: Future<Output: Send> + Send + 'static> Executor<F> for Tasks<S> {
    fn execute(&self, future: F) {
        self.0.spawn(Box::pin(async move {
            future.await;
        }));
    }
}

/// The time from accept, or from the last answer, to a complete request head.
const HEAD: Duration = Duration::from_secs(10);
/// The longest life of a connection. A client that stays has to connect again.
const LIFETIME: Duration = Duration::from_secs(120);
const LEAVE: Duration = Duration::from_secs(5);
