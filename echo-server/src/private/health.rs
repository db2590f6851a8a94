//! Reports whether this server takes new sessions: HTTP for any GET, and `grpc.health.v1`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use private_http::text;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::instance::Instance;
use crate::tasks::Tasks;

#[derive(Clone)]
pub(super) struct Health {
    instance: Arc<Instance>,
    grpc: HealthServer<HealthService>,
}

impl Health {
    /// Creates the health service. One of `tasks` notifies gRPC's watchers when the server leaves.
    pub(super) fn new(instance: Arc<Instance>, tasks: &Tasks) -> Self {
        let reporter = HealthReporter::new();
        let grpc = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
        let leaving = instance.leaving.clone();
        tasks.spawn(async move {
            leaving.cancelled().await;
            let whole_server = "";
            reporter
                .set_service_status(whole_server, ServingStatus::NotServing)
                .await;
        });
        Self { instance, grpc }
    }
}

impl Service<Request<Incoming>> for Health {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let content_type = request.headers().get(CONTENT_TYPE);
        if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
            return self.grpc.call(request);
        }
        let answer = if self.instance.leaving.is_cancelled() {
            text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else {
            text(StatusCode::OK, "serving\n")
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}
