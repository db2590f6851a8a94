//! Filters calls before they reach the gRPC service, so that a caller without a proved key gets the same answer to
//! everything: unknown methods, malformed and oversized messages included.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response, StatusCode};
use proto::wire::control_server::ControlServer;
use tonic::body::Body;
use tonic::codegen::Service as _;

use super::authentic::Authentic;
use super::caller::{Caller, unauthenticated};
use super::methods::Methods;

#[derive(Clone)]
pub(super) struct Gate {
    caller: Arc<Caller>,
    server: ControlServer<Methods>,
}

impl Gate {
    pub(super) fn new(caller: Arc<Caller>) -> Self {
        let server = ControlServer::new(Methods::new(Arc::clone(&caller)))
            .max_encoding_message_size(MAX_MESSAGE);
        Self { caller, server }
    }
}

impl hyper::service::Service<Request<Incoming>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if !is_grpc(&request) {
            return Box::pin(std::future::ready(Ok(not_found())));
        }
        let authentic = Authentic::default();
        request.extensions_mut().insert(authentic.clone());
        // The memory for a message is allocated as soon as its length is announced, so strangers get less.
        let most = if self.caller.is_known() {
            MAX_MESSAGE
        } else {
            STRANGERS_MESSAGE
        };
        let mut server = self.server.clone().max_decoding_message_size(most);
        Box::pin(async move {
            let response = server.call(request).await?;
            if authentic.is_noted() {
                Ok(response)
            } else {
                Ok(unauthenticated().into_http())
            }
        })
    }
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    let is_grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(GRPC));
    is_grpc && request.method() == Method::POST
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The content type of gRPC over HTTP/2; an encoding may follow it.
const GRPC: &[u8] = b"application/grpc";

/// The maximum size of a message in bytes: room for questions about some hundred connections.
const MAX_MESSAGE: usize = 64 * 1024;
/// The maximum size of a stranger's message: far more than a first call needs.
const STRANGERS_MESSAGE: usize = 4 * 1024;
