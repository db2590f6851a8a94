//! Sends one PUT over TLS, directly or through the run's proxies. The host's certificate is checked against the
//! authorities of the system.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use probe_core::excerpt::Excerpt;
use probe_core::observation::{Failure, FailureKind, Origin};
use probe_core::path::NetworkPath;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::NotSent;
use crate::config::Config;
use crate::connect::ConnectOptions;
use crate::context::RunContext;
use crate::control::Allowance;
use crate::destination::{Destination, Way};
use crate::link::{Link, Opened};
use crate::observe::timed_out;
use crate::proxy::ProxyWay;
use crate::resolve::Family;
use crate::signed_url::SignedUrl;
use crate::tls::{SystemTrust, server_name, shaken_within};

/// The means to send a report: the paths of the run, each prepared once.
pub(super) struct Sender {
    context: RunContext,
    ways: Vec<Way>,
    trust: Result<SystemTrust, rustls::Error>,
}

/// What is sent.
pub(super) struct Parcel {
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

impl Sender {
    pub(super) async fn prepare(config: &Config) -> Self {
        let options = ConnectOptions::ordinary(config.bind, config.idle_timeout);
        let context = RunContext::ordinary(options, Vec::new(), None, CancellationToken::new());
        let mut ways = Vec::new();
        for path in &config.plan.paths {
            ways.push(match path {
                NetworkPath::Direct => Way::Direct,
                NetworkPath::Proxy(address) => {
                    let prepared = ProxyWay::prepare(address, &config.proxies, &context).await;
                    Way::Proxy(Arc::new(prepared))
                }
            });
        }
        Self {
            context,
            ways,
            trust: SystemTrust::new(&[]),
        }
    }

    /// Sends `parcel` to `url` over the first path on which the host answers.
    pub(super) async fn put(&self, url: &SignedUrl, parcel: &Parcel) -> Result<(), NotSent> {
        let (mut unreached, mut may_pass) = (Vec::new(), false);
        for way in &self.ways {
            match self.over(way, url, parcel).await {
                Ok(answered) => return answered,
                Err(failure) => {
                    may_pass |= is_passing(failure.kind);
                    unreached.push(told(way, &failure));
                }
            }
        }
        Err(NotSent::Unreached(unreached, may_pass))
    }

    /// Returns the host's answer, or the failure if there was none.
    async fn over(
        &self,
        way: &Way,
        url: &SignedUrl,
        parcel: &Parcel,
    ) -> Result<Result<(), NotSent>, Failure> {
        let link = self.link(way, url).await?;
        // Boxed, because the futures of TLS are large.
        let link = Box::pin(self.encrypted(link, url)).await?;
        let exchange = timeout(LONGEST_EXCHANGE, exchange(link, url, parcel));
        match exchange.await {
            Ok(answered) => answered,
            Err(_elapsed) => Err(timed_out()),
        }
    }

    /// Connects to the first of the host's addresses that accepts the connection.
    async fn link(&self, way: &Way, url: &SignedUrl) -> Result<Link, Failure> {
        let destination = |address: Option<IpAddr>| Destination {
            host: url.host().to_owned(),
            address,
            resolved: None,
            way: way.clone(),
            control: Allowance::default(),
        };
        let addresses: Vec<Option<IpAddr>> = if destination(None).path().resolves_here() {
            let (addresses, looked_up) = self.context.resolve(url.host(), Family::Both).await;
            if let Some(failure) = looked_up.failure {
                return Err(failure);
            }
            addresses
                .into_iter()
                .take(MOST_ADDRESSES)
                .map(Some)
                .collect()
        } else {
            vec![url.host().parse().ok()]
        };
        let mut last = Failure::new(FailureKind::NameNotFound, Origin::Unknown);
        for address in addresses {
            let opening = destination(address).open(url.port(), &self.context).await;
            let Opened { link, unread, .. } = opening;
            match link {
                Ok(link) if unread.is_empty() => return Ok(link),
                // In TLS, the client speaks first.
                Ok(_) => last = Failure::new(FailureKind::Foreign, Origin::Peer),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn encrypted(&self, link: Link, url: &SignedUrl) -> Result<TlsStream<Link>, Failure> {
        let trust = self.trust.as_ref().map_err(|error| {
            let failure = Failure::new(FailureKind::Other, Origin::ThisHost);
            failure.with_text(error.to_string())
        })?;
        let (config, _) = trust.client_config();
        let connecting = TlsConnector::from(config).connect(server_name(url.host()), link);
        shaken_within(self.context.options.idle_timeout, connecting).await
    }
}

async fn exchange(
    link: TlsStream<Link>,
    url: &SignedUrl,
    parcel: &Parcel,
) -> Result<Result<(), NotSent>, Failure> {
    // Errors of hyper and http name neither the URL nor a header.
    let other = |text: String| Failure::new(FailureKind::Other, Origin::Unknown).with_text(text);
    let request = Request::put(url.expose_target())
        .header(HOST, url.authority())
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, parcel.content_type)
        // Azure Blob Storage needs this header; other hosts ignore it.
        .header("x-ms-blob-type", "BlockBlob")
        .body(Full::new(parcel.body.clone()))
        .map_err(|error| other(error.to_string()))?;
    let shaken = http1::handshake(TokioIo::new(link)).await;
    let (mut sender, connection) = shaken.map_err(|error| other(error.to_string()))?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    connection.abort();
    let answer = answer.map_err(|error| other(error.to_string()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(Ok(()));
    }
    let code = answer.headers().get("x-ms-error-code");
    let code = code.and_then(|code| code.to_str().ok());
    let code = code.map(|code| String::from(Excerpt::cut(code, MAX_CODE)));
    Ok(Err(NotSent::Answered { status, code }))
}

/// Returns whether a failure may pass by itself. A wrong name or certificate does not, and a proxy that refuses is not
/// asked again, since accounts are locked after a few wrong passwords.
const fn is_passing(kind: FailureKind) -> bool {
    !matches!(
        kind,
        FailureKind::NameNotFound
            | FailureKind::PermissionDenied
            | FailureKind::TlsFailed
            | FailureKind::Foreign
            | FailureKind::ProxyRefused
            | FailureKind::Interrupted
    )
}

/// Returns the failure over one path in words.
fn told(way: &Way, failure: &Failure) -> String {
    let path = match way {
        Way::Direct => "directly".to_owned(),
        Way::Proxy(proxy) => format!("through {}", proxy.address),
    };
    let what = failure.kind.describe();
    match &failure.text {
        Some(text) => format!("{path}: {what}: {text}"),
        None => format!("{path}: {what}"),
    }
}

const AGENT: &str = concat!("fwprobe/", env!("CARGO_PKG_VERSION"));
/// The longest time from the request to the answer.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(60);
/// The maximum number of addresses that are tried.
const MOST_ADDRESSES: usize = 4;
/// The longest error code that is shown, in characters.
const MAX_CODE: usize = 60;
