//! The control channel: one authenticated gRPC connection to the pinned server, on whichever port
//! lets TLS through.

use std::time::Duration;

use hyper_util::rt::TokioIo;
use probe_core::observation::{Failure, FailureKind, Origin};
use prost::Message;
use proto::connection_string::{ConnectionString, Pin};
use proto::control_auth::{Exporter, sign};
use proto::key::{KeyId, Secret};
use proto::wire::control_client::ControlClient;
use proto::wire::{
    DescribeRequest, Description, OpenRunRequest, ReloadRequest, RunOpened, Sighting,
    SignedRequest, WatchSightingsRequest,
};
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::certificate;
use crate::destination::Destination;
use crate::link::Link;
use crate::probe::ProbeContext;
use crate::tap::Tap;
use crate::tls::{Hello, client_config, exporter, server_name};

/// Who asks, and whom.
#[derive(Clone, Debug)]
pub(crate) struct ControlIdentity {
    pub(crate) key_id: KeyId,
    pub(crate) secret: Secret,
    pub(crate) pins: Vec<Pin>,
    pub(crate) server_name: ServerName<'static>,
}

impl ControlIdentity {
    /// Of the holder of `connection`, to the server that is called `host`.
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
    patience: Duration,
}

impl ControlChannel {
    /// Opens a channel over `port`, if the pinned server answers there.
    ///
    /// # Errors
    /// The failure as a value; another certificate than the pinned one is `Foreign`.
    pub(crate) async fn open(
        destination: &Destination,
        port: u16,
        identity: &ControlIdentity,
        context: &ProbeContext,
    ) -> Result<Self, Failure> {
        let opened = destination.open(port, context).await;
        let plain = Tap::new(opened.link?, opened.unread);
        let patience = context.options.patience;
        let tls = timeout(patience, handshake(plain, identity))
            .await
            .map_err(|_elapsed| timed_out())??;
        let exporter = exporter(tls.get_ref().1).ok_or_else(|| {
            Failure::new(FailureKind::Foreign, Origin::Peer).with_text("no TLS 1.3")
        })?;
        let channel = timeout(patience, over(tls))
            .await
            .map_err(|_elapsed| timed_out())??;
        Ok(Self {
            client: ControlClient::new(channel).max_decoding_message_size(MAX_ANSWER),
            exporter,
            identity: identity.clone(),
            patience,
        })
    }

    pub(crate) async fn describe(&mut self) -> Result<Description, Failure> {
        let request = self.signed("Describe", &DescribeRequest {});
        let answer = timeout(self.patience, self.client.describe(request)).await;
        Ok(unpack(answer)?.into_inner())
    }

    pub(crate) async fn open_run(&mut self, run_id: [u8; 16]) -> Result<RunOpened, Failure> {
        let request = OpenRunRequest {
            run_id: run_id.to_vec(),
        };
        let request = self.signed("OpenRun", &request);
        let answer = timeout(self.patience, self.client.open_run(request)).await;
        Ok(unpack(answer)?.into_inner())
    }

    /// Has the server read its files again. Gives the settings that have changed and wait for a restart.
    pub(crate) async fn reload(&mut self) -> Result<Vec<String>, Failure> {
        let request = self.signed("Reload", &ReloadRequest {});
        let answer = timeout(self.patience, self.client.reload(request)).await;
        Ok(unpack(answer)?.into_inner().needs_restart)
    }

    /// Every sighting that the server releases for `request`.
    pub(crate) async fn sightings(
        &mut self,
        request: &WatchSightingsRequest,
    ) -> Result<Vec<Sighting>, Failure> {
        let request = self.signed("WatchSightings", request);
        let answer = timeout(self.patience, self.client.watch_sightings(request)).await;
        let mut stream = unpack(answer)?.into_inner();
        let mut all = Vec::new();
        loop {
            match timeout(self.patience, stream.message()).await {
                Err(_elapsed) => return Err(timed_out()),
                Ok(Err(status)) => return Err(failure(&status)),
                Ok(Ok(None)) => return Ok(all),
                Ok(Ok(Some(_))) if all.len() >= MAX_SIGHTINGS => return Ok(all),
                Ok(Ok(Some(sighting))) => all.push(sighting),
            }
        }
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

async fn handshake(
    plain: Tap<Link>,
    identity: &ControlIdentity,
) -> Result<TlsStream<Tap<Link>>, Failure> {
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
            "another certificate than the server's, issued by {issuer}"
        )),
    )
}

/// A channel that uses this one connection and never opens another.
async fn over(tls: TlsStream<Tap<Link>>) -> Result<Channel, Failure> {
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
        .connect_with_connector(connector)
        .await
        .map_err(|error| {
            Failure::new(FailureKind::Other, Origin::Unknown).with_text(error.to_string())
        })
}

fn unpack<T>(answer: Result<Result<T, Status>, tokio::time::error::Elapsed>) -> Result<T, Failure> {
    match answer {
        Err(_elapsed) => Err(timed_out()),
        Ok(Err(status)) => Err(failure(&status)),
        Ok(Ok(value)) => Ok(value),
    }
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
    Failure::new(kind, Origin::Peer).with_text(status.message())
}

fn timed_out() -> Failure {
    Failure::new(FailureKind::TimedOut, Origin::Unknown)
}

/// A description of a thousand listeners is far below this.
const MAX_ANSWER: usize = 256 * 1024;

/// More sightings than any run has connections worth asking for.
const MAX_SIGHTINGS: usize = 4096;
