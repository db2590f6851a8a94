//! Small HTTP servers for the operator's own network: metrics, health, status. They accept a fixed number of connections,
//! and end each after a short time. Both programs use them.

mod connection;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;
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

/// A service that answers at once, by calling a function.
#[derive(Clone, Debug)]
pub struct Answering<F>(F);

/// Returns a service that answers each request with what `answer` returns.
pub fn answering<F>(answer: F) -> Answering<F>
where
    F: Fn(&Request<Incoming>) -> Response<Body> + Clone + Send + 'static,
{
    Answering(answer)
}

impl<F: Fn(&Request<Incoming>) -> Response<Body>> Service<Request<Incoming>> for Answering<F> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        ready(Ok((self.0)(&request)))
    }
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
                    connection::converse(tcp, service, own_tasks).await;
                    drop(place);
                }));
            }
            // The pause keeps this loop from spinning while descriptors are short.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Returns a plain-text answer.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::new(text.into()));
    *response.status_mut() = status;
    response
}

/// The maximum number of connections per listener: a load balancer's probes and a few scrapers.
pub const MAX_CONNECTIONS: usize = 32;
/// The pause after a failed accept.
const PAUSE: Duration = Duration::from_millis(100);
