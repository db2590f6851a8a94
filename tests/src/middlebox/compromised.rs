//! A server in the wrong hands.
//!
//! It proves the genuine identity, accepts no session, and answers the control service's calls in ways that are meant
//! to cost the client memory or time.

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

/// How the server answers questions about connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// An endless stream of sightings, each as long as the client's default message limit allows.
    Huge,
    /// An endless stream of very short sightings, each with prefixes that take more memory than they took on the wire.
    Swelling,
    /// A short sighting at every interval, without end.
    Slow(Duration),
    /// One byte of the very first answer at every interval, without end.
    SlowBytes(Duration),
    /// A different instance on each connection, with a long description of itself.
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
            // The request's body has to be read: otherwise the rest of what the client sends is not received.
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

/// Sends all of `bytes`, at the pace of the client's flow control.
async fn send(body: &mut SendStream<Bytes>, mut bytes: Bytes) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        body.reserve_capacity(bytes.len());
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
        let room = room.context("the stream is gone")??;
        body.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    Ok(())
}

/// Returns a message in gRPC's framing, uncompressed.
fn grpc(message: &[u8]) -> Bytes {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// Returns a field of bytes in protobuf's encoding.
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

/// RFC 8446 section 5.1: the content type `handshake`, the first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// A field number of `Description`.
const INSTANCE: u8 = 2;

/// From `Sighting`: the key of the field `match`, its value "by digest", and two field numbers.
const MATCH: u8 = 2 << 3;
const BY_DIGEST: u8 = 1;
const TLS_ERROR: u8 = 9;
const PREFIXES: u8 = 10;

/// The length in bytes of a long text in an answer, just below 256 KiB.
const LONG: usize = 250_000;

/// The number of prefixes in a sighting of less than 4 KiB that takes far more memory once decoded.
const PREFIXES_OF_ONE: usize = 2_000;
