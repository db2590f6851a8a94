//! Serves metrics and the status page. No request starts a run.

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use private_http::{Spawn, accept, answering, text};
use probe_report::metrics::Exposition;
use probe_report::{Format, Look};
use tonic::body::Body;

mod host;
mod query;

use query::Query;

use super::log::{Event, Log};
use super::watched::Watched;

/// Serves `watched` on `listener` until the runtime ends.
///
/// # Errors
///
/// The listener cannot be used.
pub(super) fn serve(listener: TcpListener, watched: Arc<Watched>, log: &Log) -> anyhow::Result<()> {
    let address = listener.local_addr().context("--listen")?;
    listener.set_nonblocking(true).context("--listen")?;
    let listener = tokio::net::TcpListener::from_std(listener).context("--listen")?;
    let pages = Pages {
        watched,
        loopback: address.ip().is_loopback(),
    };
    let pages = answering(move |request: &Request<Incoming>| pages.answer(request, Instant::now()));
    tokio::spawn(accept(listener, pages, Tasks));
    log.write(&Event::listening(address));
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Tasks;

impl Spawn for Tasks {
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        tokio::spawn(task);
    }
}

#[derive(Clone, Debug)]
struct Pages {
    watched: Arc<Watched>,
    /// Whether only programs of this host can connect.
    loopback: bool,
}

impl Pages {
    fn answer<B>(&self, request: &Request<B>, now: Instant) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        let asked = request.headers().get(HOST).and_then(|h| h.to_str().ok());
        if self.loopback && !asked.is_none_or(host::is_of_this_host) {
            let why = "this page is served to localhost only\n";
            return text(StatusCode::MISDIRECTED_REQUEST, why);
        }
        match request.uri().path() {
            "/metrics" => {
                let exposition = exposition(request.headers());
                samples(self.watched.metrics(exposition), exposition)
            }
            "/probe" => self.target(request),
            "/healthz" if self.watched.is_alive(now) => text(StatusCode::OK, "running\n"),
            "/healthz" => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "no run has ended in time\n",
            ),
            "/" => html(self.watched.page()),
            "/report" => self.report(),
            _ => text(
                StatusCode::NOT_FOUND,
                "see /, /metrics, /probe or /healthz\n",
            ),
        }
    }

    /// Answers with the HTML report of the last run.
    fn report(&self) -> Response<Body> {
        let Some((run, format)) = self.watched.last().zip(Format::named("html")) else {
            return text(StatusCode::NOT_FOUND, "no run has ended yet\n");
        };
        let mut page = Vec::new();
        let written = probe_report::write(format, &run, Look::PLAIN, &mut page);
        html(written.map(|()| String::from_utf8_lossy(&page).into_owned()))
    }

    /// Answers with the metrics of one server in the last run.
    fn target<B>(&self, request: &Request<B>) -> Response<Body> {
        let query = Query::of(request.uri().query().unwrap_or_default());
        let Some(target) = query.value("target") else {
            let why = "name a server: /probe?target=HOST\n";
            return text(StatusCode::BAD_REQUEST, why);
        };
        let Some(run) = self.watched.last() else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "no run has ended yet\n");
        };
        let profile = run.run.profile.as_ref().map(ToString::to_string);
        if query.value("profile").is_some() && query.value("profile") != profile {
            let why = "this watch does not run that profile\n";
            return text(StatusCode::NOT_FOUND, why);
        }
        let exposition = exposition(request.headers());
        match exposition.of_target(&run, &target) {
            Some(found) => samples(found, exposition),
            None => {
                let known = run.server.hosts.join(", ");
                let why = format!("this watch does not probe that server; it probes {known}\n");
                text(StatusCode::NOT_FOUND, why)
            }
        }
    }
}

/// Returns the format that the client accepts.
fn exposition(headers: &HeaderMap) -> Exposition {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains("application/openmetrics-text")) {
        Exposition::OpenMetrics
    } else {
        Exposition::Classic
    }
}

fn html(page: io::Result<String>) -> Response<Body> {
    let Ok(page) = page else {
        let why = "the page cannot be written\n";
        return text(StatusCode::INTERNAL_SERVER_ERROR, why);
    };
    let mut answer = text(StatusCode::OK, page);
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
        (CACHE_CONTROL, "no-store"),
    ] {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}

fn samples(samples: String, exposition: Exposition) -> Response<Body> {
    let mut answer = text(StatusCode::OK, samples);
    let kind = HeaderValue::from_static(exposition.content_type());
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_watch_is_unhealthy_after_three_intervals_and_the_time_of_a_run() {
        let before = Instant::now();
        let pages = Pages {
            watched: Arc::new(Watched::new(Duration::from_secs(3600))),
            loopback: true,
        };
        let after = Instant::now();
        let request = Request::get("/healthz").body(()).unwrap();
        let status = |now| pages.answer(&request, now).status();
        let longest = Duration::from_secs(3 * 3600 + 600);
        assert_eq!(status(before + longest), StatusCode::OK);
        let late = after + longest + Duration::from_millis(1);
        assert_eq!(status(late), StatusCode::SERVICE_UNAVAILABLE);
    }
}
