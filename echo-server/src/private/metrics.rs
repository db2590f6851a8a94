//! Serves the counters to Prometheus.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use private_http::text;
use tonic::body::Body;
use tonic::codegen::Service;

use crate::instance::Instance;

#[derive(Clone)]
pub(super) struct Exposition {
    instance: Arc<Instance>,
}

impl Exposition {
    pub(super) fn new(instance: Arc<Instance>) -> Self {
        Self { instance }
    }
}

impl Service<Request<Incoming>> for Exposition {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        if request.uri().path() != "/metrics" {
            return ready(Ok(text(StatusCode::NOT_FOUND, "the path is /metrics\n")));
        }
        let instance = &self.instance;
        let mut answer = text(StatusCode::OK, instance.metrics.text(instance.present()));
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
        ready(Ok(answer))
    }
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
