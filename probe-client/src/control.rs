//! The control channel: one authenticated gRPC connection to the pinned server, on any port that lets TLS through.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use probe_core::observation::{Failure, FailureKind, Origin};
use prost::Message;
use proto::connection_string::{ConnectionString, Pin};
use proto::control_auth::{Exporter, sign};
use proto::key::{KeyId, Secret};
use proto::limits::SIGHTING_PREFIXES;
use proto::wire::control_client::ControlClient;
use proto::wire::{
    DescribeRequest, Description, OpenRunRequest, ReloadRequest, RunOpened, Sighting,
    SignedRequest, WatchSightingsRequest,
};
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};

use crate::certificate;
use crate::context::RunContext;
use crate::destination::Destination;
use crate::link::Link;
use crate::observe::timed_out;
use crate::tap::Tap;
use crate::tls::{Hello, client_config, exporter, server_name};

mod allowance;

pub(crate) use allowance::Allowance;
use allowance::Metered;

/// The stream below the TLS of a control channel.
type Plain = Metered<Tap<Link>>;

/// The key of the client, and the server that it asks.
#[derive(Clone, Debug)]
pub(crate) struct ControlIdentity {
    pub(crate) key_id: KeyId,
    pub(crate) secret: Secret,
    pub(crate) pins: Vec<Pin>,
    pub(crate) server_name: ServerName<'static>,
}

impl ControlIdentity {
    /// Returns the identity with which the holder of `connection` asks the server named `host`.
    pub(crate) fn of(connection: &ConnectionString, host: &str) -> Self {
        Self {
            key_id: connection.key_id.clone(),
            secret: connection.secret.clone(),
            pins: connection.pins.clone(),
            server_name: server_name(host),
        }
    }
}

/// An open channel to the genuine server.
#[derive(Debug)]
pub(crate) struct ControlChannel {
    client: ControlClient<Channel>,
    exporter: Exporter,
    identity: ControlIdentity,
    idle_timeout: Duration,
    allowance: Allowance,
}

impl ControlChannel {
    /// Opens a channel over `port`, if the pinned server answers there.
    ///
    /// # Errors
    ///
    /// The failure as a value. A certificate other than the pinned one is `Foreign`.
    pub(crate) async fn open(
        destination: &Destination,
        port: u16,
        identity: &ControlIdentity,
        context: &RunContext,
    ) -> Result<Self, Failure> {
        let opened = destination.open(port, context).await;
        let (idle_timeout, allowance) = (context.options.idle_timeout, destination.control.clone());
        let plain = Metered::new(Tap::new(opened.link?, opened.unread), allowance.clone());
        let tls = allowance
            .wait(idle_timeout, handshake(plain, identity))
            .await
            .ok_or_else(timed_out)??;
        let exporter = exporter(tls.get_ref().1).ok_or_else(|| {
            Failure::new(FailureKind::Foreign, Origin::Peer).with_text("no TLS 1.3")
        })?;
        let channel = allowance
            .wait(idle_timeout, over(tls))
            .await
            .ok_or_else(timed_out)??;
        Ok(Self {
            client: ControlClient::new(channel).max_decoding_message_size(MAX_ANSWER),
            exporter,
            identity: identity.clone(),
            idle_timeout,
            allowance,
        })
    }

    pub(crate) async fn describe(&mut self) -> Result<Description, Failure> {
        let request = self.signed("Describe", &DescribeRequest {});
        let answer = self.client.describe(request);
        let answer = self.allowance.wait(self.idle_timeout, answer).await;
        let mut description = unpack(answer)?.into_inner();
        shorten(&mut description.version);
        shorten(&mut description.instance);
        Ok(description)
    }

    pub(crate) async fn open_run(&mut self, run_id: [u8; 16]) -> Result<RunOpened, Failure> {
        let request = OpenRunRequest {
            run_id: run_id.to_vec(),
        };
        let request = self.signed("OpenRun", &request);
        let answer = self.client.open_run(request);
        let answer = self.allowance.wait(self.idle_timeout, answer).await;
        Ok(unpack(answer)?.into_inner())
    }

    /// Makes the server read its files again. Returns the settings that have changed but need a restart.
    pub(crate) async fn reload(&mut self) -> Result<Vec<String>, Failure> {
        let request = self.signed("Reload", &ReloadRequest {});
        let answer = self.client.reload(request);
        let answer = self.allowance.wait(self.idle_timeout, answer).await;
        Ok(unpack(answer)?.into_inner().needs_restart)
    }

    /// Returns every sighting that the server releases for `request`.
    pub(crate) async fn sightings(
        &mut self,
        request: &WatchSightingsRequest,
    ) -> Result<Vec<Sighting>, Failure> {
        let request = self.signed("WatchSightings", request);
        let mut client = self.client.clone().max_decoding_message_size(MAX_SIGHTING);
        let answer = client.watch_sightings(request);
        let answer = self.allowance.wait(self.idle_timeout, answer).await;
        let mut stream = unpack(answer)?.into_inner();
        let mut all = Vec::new();
        while let Some(sighting) = self.next(&mut stream).await? {
            all.push(sighting);
            if all.len() >= MAX_SIGHTINGS {
                break;
            }
        }
        Ok(all)
    }

    async fn next(&self, stream: &mut Streaming<Sighting>) -> Result<Option<Sighting>, Failure> {
        let next = self
            .allowance
            .wait(self.idle_timeout, stream.message())
            .await;
        Ok(unpack(next)?.map(|mut sighting| {
            // Decoded prefixes take more memory than they did on the wire.
            sighting.prefixes.truncate(SIGHTING_PREFIXES.len());
            sighting.prefixes.shrink_to_fit();
            shorten(&mut sighting.tls_error);
            sighting
        }))
    }

    fn signed(&self, method: &str, request: &impl Message) -> SignedRequest {
        sign(
            &self.identity.secret,
            &self.identity.key_id,
            method,
            &self.exporter,
            request.encode_to_vec(),
        )
    }
}

async fn handshake(plain: Plain, identity: &ControlIdentity) -> Result<TlsStream<Plain>, Failure> {
    let (config, presented) = client_config(Hello {
        sni: true,
        alpn: Some("h2"),
        client: None,
        large: false,
    });
    let tls = TlsConnector::from(config)
        .connect(identity.server_name.clone(), plain)
        .await
        .map_err(|error| crate::observe::stream_failure(&error))?;
    let leaf = presented.leaf().unwrap_or_default();
    let certificate = certificate::describe(&leaf, &identity.pins);
    if certificate.pinned {
        return Ok(tls);
    }
    let issuer = certificate
        .issuer
        .unwrap_or_else(|| "an unreadable certificate".to_owned());
    Err(
        Failure::new(FailureKind::Foreign, Origin::Peer).with_text(format!(
            "a certificate other than the server's, issued by {issuer}"
        )),
    )
}

/// Makes a channel that uses this one connection and never opens another.
async fn over(tls: TlsStream<Plain>) -> Result<Channel, Failure> {
    let mut connection = Some(TokioIo::new(tls));
    let connector = tower::service_fn(move |_uri| {
        let connection = connection.take();
        async move {
            connection.ok_or_else(|| {
                std::io::Error::new(
                    std::io::ErrorKind::ConnectionAborted,
                    "the control connection is gone",
                )
            })
        }
    });
    Endpoint::from_static("http://fwprobe-echo")
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_max_header_list_size(MAX_HEADERS)
        .connect_with_connector(connector)
        .await
        .map_err(|error| {
            Failure::new(FailureKind::Other, Origin::Unknown).with_text(error.to_string())
        })
}

fn unpack<T>(answer: Option<Result<T, Status>>) -> Result<T, Failure> {
    let answer = answer.ok_or_else(timed_out)?;
    answer.map_err(|status| failure(&status))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of tonic's codes these are the ones that the server sends on purpose"
)]
fn failure(status: &Status) -> Failure {
    let kind = match status.code() {
        Code::Unauthenticated => FailureKind::KeyRefused,
        Code::ResourceExhausted => FailureKind::Declined,
        _ => FailureKind::Other,
    };
    let mut said = status.message().to_owned();
    shorten(&mut said);
    Failure::new(kind, Origin::Peer).with_text(said)
}

/// Cuts text that comes from the server.
fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// Maximum size of an answer in bytes; a description of a thousand listeners is smaller.
const MAX_ANSWER: usize = 64 * 1024;

/// Maximum size of a sighting in bytes; one has about 500.
const MAX_SIGHTING: usize = 4 * 1024;

/// Maximum number of sightings: more than any run has connections worth asking about.
const MAX_SIGHTINGS: usize = 4096;

/// Maximum number of characters of one text.
const MAX_TEXT: usize = 256;

/// Number of bytes that the server may send before they are read: the size of the largest answer.
const WINDOW: u32 = 64 * 1024;

/// Maximum size of the headers in bytes; the server's have about 200.
const MAX_HEADERS: u32 = 4 * 1024;
