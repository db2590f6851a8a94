//! The private listeners: small HTTP servers for the operator's own network. They reveal no secret, accept a fixed
//! number of connections, and end each after a short time.

mod health;
mod metrics;

use std::convert::Infallible;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{sleep, timeout};
use tonic::body::Body;
use tonic::codegen::Service;

use crate::bind::PrivateListeners;
use crate::instance::Instance;
use crate::listener_guard::{ListenerDied, ListenerGuard};
use crate::tasks::Tasks;

/// Serves the configured `listeners` until `tasks` are abandoned. A listener that fails is reported to `deaths`, like
/// the other listeners.
pub(crate) fn serve(
    listeners: PrivateListeners,
    instance: &Arc<Instance>,
    tasks: &Tasks,
    deaths: &UnboundedSender<ListenerDied>,
) {
    let guard = |listener: &TcpListener| {
        let address = listener.local_addr().ok()?;
        Some(ListenerGuard::new(address, deaths))
    };
    if let Some(listener) = listeners.health {
        let health = health::Health::new(Arc::clone(instance), tasks);
        let guard = guard(&listener);
        tasks.spawn(accept(listener, health, tasks.clone(), guard));
    }
    if let Some(listener) = listeners.metrics {
        let metrics = metrics::Exposition::new(Arc::clone(instance));
        let guard = guard(&listener);
        tasks.spawn(accept(listener, metrics, tasks.clone(), guard));
    }
}

/// A service that answers on one of the listeners.
trait Answers:
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

async fn accept(
    listener: TcpListener,
    service: impl Answers,
    tasks: Tasks,
    _guard: Option<ListenerGuard>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        tracing::error!("a private listener cannot be served");
        return;
    };
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((tcp, _)) => {
                let (service, own_tasks) = (service.clone(), tasks.clone());
                tasks.spawn(async move {
                    converse(tcp, service, own_tasks).await;
                    drop(place);
                });
            }
            // The pause keeps this loop from spinning while descriptors are short.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn converse(tcp: TcpStream, service: impl Answers, tasks: Tasks) {
    let mut builder = auto::Builder::new(tasks);
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
fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    response
}

/// The maximum number of connections per listener: a load balancer's probes and a few scrapers.
pub(crate) const MAX_CONNECTIONS: usize = 32;
/// The time from accept, or from the last answer, to a complete request head.
const HEAD: Duration = Duration::from_secs(10);
/// The longest life of a connection. A watcher connects again.
const LIFETIME: Duration = Duration::from_secs(120);
const LEAVE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
