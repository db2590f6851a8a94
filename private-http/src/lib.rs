//! Small HTTP servers for the operator's own network: metrics, health, status. They accept a fixed number of connections,
//! and end each after a short time. Both programs use them.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tonic::body::Body;
use tonic::codegen::Service;

/// A service that answers on one of the listeners.
pub trait Answers:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// A program's own way to start tasks.
pub trait Spawn: Clone + Send + Sync + 'static {
    /// Runs `task` until it or the program ends.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
}

/// Accepts connections and lets `service` answer on them. Every connection is a task of `tasks`.
pub async fn accept(listener: TcpListener, service: impl Answers, tasks: impl Spawn) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((tcp, _)) => {
                let (service, own_tasks) = (service.clone(), tasks.clone());
                tasks.spawn(Box::pin(async move {
                    converse(tcp, service, own_tasks).await;
                    drop(place);
                }));
            }
            // The pause keeps this loop from spinning while descriptors are short.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn converse(tcp: TcpStream, service: impl Answers, tasks: impl Spawn) {
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

/// Returns a plain-text answer.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    response
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

/// The maximum number of connections per listener: a load balancer's probes and a few scrapers.
pub const MAX_CONNECTIONS: usize = 32;
/// The time from accept, or from the last answer, to a complete request head.
const HEAD: Duration = Duration::from_secs(10);
/// The longest life of a connection. A watcher connects again.
const LIFETIME: Duration = Duration::from_secs(120);
const LEAVE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
