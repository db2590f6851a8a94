//! Serves the counters to Prometheus.

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use private_http::text;
use tonic::body::Body;

use crate::instance::Instance;

/// Answers `request` with the counters of `instance`.
pub(super) fn exposition(instance: &Instance, request: &Request<Incoming>) -> Response<Body> {
    if request.uri().path() != "/metrics" {
        return text(StatusCode::NOT_FOUND, "the path is /metrics\n");
    }
    let mut answer = text(StatusCode::OK, instance.metrics.text(instance.present()));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
    answer
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
