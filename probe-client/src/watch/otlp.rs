//! Pushes the metrics of each run, and a log record for each change, to a receiver of OpenTelemetry, by OTLP over HTTP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use probe_documents::RunDocument;
use probe_documents::watch::ConfirmedChange;
use probe_report::metrics::Exposition;
use probe_report::metrics::otlp::{self, Origin};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::body::Body;

use super::log::Log;
use super::watched::Watched;
use crate::host;

/// The receiver of `--otlp`.
#[derive(Clone, Debug)]
pub(crate) struct OtlpReceiver {
    /// The host and the port, as the URL has them.
    authority: String,
    /// The address to connect to: a name with a port, or an address with one.
    dialled: (String, u16),
    /// The path in the URL, to which the paths for metrics and log records are added.
    base: String,
    /// This host's name.
    host: Option<String>,
    started: u64,
}

impl OtlpReceiver {
    /// Reads the URL of a receiver.
    ///
    /// # Errors
    ///
    /// `url` is not an `http://` URL.
    pub(crate) fn named(url: &str) -> anyhow::Result<Self> {
        let wrong = || format!("--otlp {url}: expected a URL such as http://127.0.0.1:4318");
        let parsed = url.parse::<Uri>().with_context(wrong)?;
        if parsed.scheme_str() == Some("https") {
            bail!(
                "--otlp {url}: only http:// is possible; name a collector on this host or in its \
                 network"
            );
        }
        let authority = parsed.authority().with_context(wrong)?;
        ensure!(
            parsed.scheme_str() == Some("http") && !authority.as_str().contains('@'),
            wrong()
        );
        let name = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let base = parsed.path().trim_end_matches('/');
        let base = base.strip_suffix(METRICS).unwrap_or(base);
        Ok(Self {
            authority: authority.to_string(),
            dialled: (
                name.to_owned(),
                authority.port_u16().unwrap_or(DEFAULT_PORT),
            ),
            base: base.to_owned(),
            host: host::name(),
            started: now(),
        })
    }

    /// Pushes the metrics, and the changes that `run` confirmed. A receiver that does not answer does not stop the
    /// watch.
    pub(super) async fn push(
        &self,
        watched: &Watched,
        run: &RunDocument,
        changes: &[ConfirmedChange],
        log: &Log,
    ) {
        let origin = Origin {
            host: self.host.as_deref(),
            version: env!("CARGO_PKG_VERSION"),
            started: self.started,
            now: now(),
        };
        let metrics = otlp::body(&watched.metrics(Exposition::OpenMetrics), origin);
        let mut pushes = vec![(METRICS, metrics)];
        if !changes.is_empty() {
            pushes.push((LOGS, otlp::changes_body(run, changes, origin)));
        }
        for (path, body) in pushes {
            let pushed = timeout(LONGEST, self.post(path, body)).await;
            let pushed =
                pushed.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {LONGEST:?}")));
            if let Err(error) = pushed {
                log.problem(format!("--otlp {}{path}: {error:#}", self.authority));
            }
        }
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
        let (name, port) = &self.dialled;
        let stream = TcpStream::connect((name.as_str(), *port)).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::post(format!("{}{path}", self.base))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Body::new(http_body_util::Full::new(Bytes::from(body))))?;
        let answer = sender.send_request(request).await;
        connection.abort();
        match answer?.status() {
            StatusCode::OK => Ok(()),
            other => bail!("the receiver answered {other}"),
        }
    }
}

/// Returns the nanoseconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

/// The paths of OTLP for metrics and log records, and its port.
const METRICS: &str = "/v1/metrics";
const LOGS: &str = "/v1/logs";
const DEFAULT_PORT: u16 = 4318;
/// The longest time that a push may take.
const LONGEST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_receiver() {
        for (url, dialled, base) in [
            ("http://127.0.0.1:4318", ("127.0.0.1", 4318), ""),
            ("http://[::1]:99/", ("::1", 99), ""),
            (
                "http://collector/own/path",
                ("collector", 4318),
                "/own/path",
            ),
            (
                "http://collector/own/v1/metrics",
                ("collector", 4318),
                "/own",
            ),
        ] {
            let receiver = OtlpReceiver::named(url).unwrap();
            let (name, port) = &receiver.dialled;
            assert_eq!((name.as_str(), *port), dialled, "{url}");
            assert_eq!(receiver.base, base, "{url}");
        }
        for url in [
            "",
            "127.0.0.1:4318",
            "https://x",
            "ftp://x",
            "http://a:b@x",
            "http://",
        ] {
            assert!(OtlpReceiver::named(url).is_err(), "{url}");
        }
    }
}
