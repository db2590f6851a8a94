//! A server in the wrong hands: it proves who it is, takes no session, and answers the control service's calls in
//! ways that are meant to cost the client memory or time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use h2::SendStream;
use h2::server::{SendResponse, handshake};
use http::Response;
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::tls;

/// What it does about connections that it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Sightings without end, each as long as a message of the client's default limit lets it be.
    Huge,
    /// Sightings without end that are as short as can be, each with prefixes that take more room than they came in.
    Swelling,
    /// A short sighting every so often, without end.
    Slow(Duration),
    /// A byte every so often of the very first answer, without end.
    SlowBytes(Duration),
    /// Another instance on each connection, which describes itself at length.
    Manifold,
}

pub(super) async fn serve(
    client: TcpStream,
    certificate: Arc<CertifiedKey>,
    answers: Answers,
) -> anyhow::Result<()> {
    let mut first = [0];
    client.peek(&mut first).await?;
    if first[0] != TLS_HANDSHAKE {
        return Ok(());
    }
    let start = tls::hello(client).await?;
    let offered = tls::offered(&start);
    let config = tls::server_config(certificate, vec![b"h2".to_vec()])?;
    if !offered.iter().any(|name| name == b"h2") {
        return Ok(());
    }
    let mut connection = handshake(start.into_stream(config).await?).await?;
    let mut calls = JoinSet::new();
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        let path = request.uri().path().to_owned();
        calls.spawn(async move {
            // The request's body has to be taken, or the client is not heard.
            let mut body = request.into_body();
            while let Some(part) = body.data().await {
                body.flow_control().release_capacity(part?.len())?;
            }
            answer(&path, respond, answers).await
        });
    }
    Ok(())
}

async fn answer(
    path: &str,
    mut respond: SendResponse<Bytes>,
    answers: Answers,
) -> anyhow::Result<()> {
    let head = Response::builder().header("content-type", "application/grpc");
    let mut body = respond.send_response(head.body(())?, false)?;
    if let Answers::SlowBytes(between) = answers {
        loop {
            send(&mut body, Bytes::from_static(&[0])).await?;
            sleep(between).await;
        }
    }
    if path.ends_with("/WatchSightings") {
        return sightings(&mut body, answers).await;
    }
    let instance = match answers {
        Answers::Manifold => format!("{}{}", rand::random::<u64>(), "x".repeat(LONG)),
        Answers::Huge | Answers::Swelling | Answers::Slow(_) | Answers::SlowBytes(_) => {
            "compromised".to_owned()
        }
    };
    let message = match path.ends_with("/Describe") {
        true => field(INSTANCE, instance.as_bytes()),
        false => Vec::new(),
    };
    send(&mut body, grpc(&message)).await?;
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse()?);
    body.send_trailers(trailers)?;
    Ok(())
}

async fn sightings(body: &mut SendStream<Bytes>, answers: Answers) -> anyhow::Result<()> {
    let mut sighting = vec![MATCH, BY_DIGEST];
    match answers {
        Answers::Huge => sighting.extend(field(TLS_ERROR, &[b'x'; LONG])),
        Answers::Swelling => sighting.extend(field(PREFIXES, &[]).repeat(PREFIXES_OF_ONE)),
        Answers::Slow(_) | Answers::SlowBytes(_) | Answers::Manifold => {}
    }
    let message = grpc(&sighting);
    loop {
        send(body, message.clone()).await?;
        if let Answers::Slow(between) = answers {
            sleep(between).await;
        }
    }
}

/// All of `bytes`, as the client lets them come.
async fn send(body: &mut SendStream<Bytes>, mut bytes: Bytes) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        body.reserve_capacity(bytes.len());
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
        let room = room.context("the stream is gone")??;
        body.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    Ok(())
}

/// A message as gRPC frames it, uncompressed.
fn grpc(message: &[u8]) -> Bytes {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// A field of bytes as protobuf writes it.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    const BYTES: u8 = 2;
    let mut field = vec![number << 3 | BYTES];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend(bytes);
    field
}

/// RFC 8446 section 5.1: the content type of the first record.
const TLS_HANDSHAKE: u8 = 0x16;

/// Of a `Description`.
const INSTANCE: u8 = 2;

/// Of a `Sighting`: the key of the field `match`, and its value "by digest".
const MATCH: u8 = 2 << 3;
const BY_DIGEST: u8 = 1;
const TLS_ERROR: u8 = 9;
const PREFIXES: u8 = 10;

/// Just below 256 KiB.
const LONG: usize = 250_000;

/// Below 4 KiB, and far larger once it is read.
const PREFIXES_OF_ONE: usize = 2_000;
