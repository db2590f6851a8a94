//! Devices that relay a session to the server as another session kind, and leave the dialogue inside unchanged.

use std::borrow::Cow;
use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use proto::decoded::Decoded;
use proto::http_head::{RequestHead, ResponseHead};
use proto::x224::{
    ConnectionConfirm, ConnectionRequest, Negotiation, NegotiationRequest, Protocols,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::tls;

/// How a session is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// The device wraps plain bytes in TLS towards the server.
    IntoTls,
    /// The device answers the X.224 request itself, and relays what follows.
    AnswersX224,
    /// The device negotiates X.224 with the server before it relays anything.
    AddsX224,
    /// The device relays the first HTTP request of a connection, and sends later ones to another port of the server.
    LaterRequestsTo(SocketAddr),
    /// The device relays the first HTTP request, and sends later ones to the same port inside TLS.
    LaterRequestsIntoTls,
}

pub(super) async fn relay(
    mut client: TcpStream,
    upstream: SocketAddr,
    conversion: Conversion,
) -> anyhow::Result<()> {
    match conversion {
        Conversion::IntoTls => {
            let server = TcpStream::connect(upstream).await?;
            let mut server = tls::connect(server, None, Vec::new()).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
        Conversion::AnswersX224 => {
            answer_x224(&mut client).await?;
            let mut server = TcpStream::connect(upstream).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
        Conversion::AddsX224 => {
            let mut server = TcpStream::connect(upstream).await?;
            ask_x224(&mut server).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
        Conversion::LaterRequestsTo(_) | Conversion::LaterRequestsIntoTls => {
            spread(client, upstream, conversion).await?;
        }
    }
    Ok(())
}

async fn answer_x224(client: &mut TcpStream) -> anyhow::Result<()> {
    let mut received = Vec::new();
    while !matches!(
        ConnectionRequest::decode(&received)?,
        Decoded::Complete { .. }
    ) {
        more(client, &mut received).await?;
    }
    let mut confirm = Vec::new();
    ConnectionConfirm {
        source_reference: 0x1234,
        negotiation: Some(Negotiation::Selected {
            flags: 0,
            protocol: Protocols::SSL,
        }),
    }
    .encode(&mut confirm);
    Ok(client.write_all(&confirm).await?)
}

async fn ask_x224(server: &mut TcpStream) -> anyhow::Result<()> {
    let mut request = Vec::new();
    ConnectionRequest {
        source_reference: 0,
        cookie: None,
        negotiation: Some(NegotiationRequest {
            flags: 0,
            protocols: Protocols::SSL,
        }),
    }
    .encode(&mut request);
    server.write_all(&request).await?;
    let mut received = Vec::new();
    while !matches!(
        ConnectionConfirm::decode(&received)?,
        Decoded::Complete { .. }
    ) {
        more(server, &mut received).await?;
    }
    Ok(())
}

async fn spread(
    mut client: TcpStream,
    upstream: SocketAddr,
    conversion: Conversion,
) -> anyhow::Result<()> {
    let mut received = Vec::new();
    let mut first = true;
    while let Some(request) = message(&mut client, &mut received, request_bytes).await? {
        let response = match conversion {
            _ if first => ask(TcpStream::connect(upstream).await?, &request).await?,
            Conversion::LaterRequestsTo(other) => {
                ask(TcpStream::connect(other).await?, &request).await?
            }
            Conversion::LaterRequestsIntoTls
            | Conversion::IntoTls
            | Conversion::AnswersX224
            | Conversion::AddsX224 => {
                let server = TcpStream::connect(upstream).await?;
                ask(tls::connect(server, None, Vec::new()).await?, &request).await?
            }
        };
        client.write_all(&response).await?;
        first = false;
    }
    Ok(())
}

/// Sends one request over its own connection, and returns the response.
async fn ask(
    mut server: impl AsyncRead + AsyncWrite + Unpin,
    request: &[u8],
) -> anyhow::Result<Vec<u8>> {
    server.write_all(request).await?;
    server.flush().await?;
    let response = message(&mut server, &mut Vec::new(), response_bytes).await?;
    response.context("no response")
}

/// Reads the next complete message; `None` if the stream ends before a message begins.
async fn message(
    stream: &mut (impl AsyncRead + Unpin),
    received: &mut Vec<u8>,
    bytes: fn(&[u8]) -> anyhow::Result<Option<usize>>,
) -> anyhow::Result<Option<Vec<u8>>> {
    loop {
        if let Some(whole) = bytes(received)?.filter(|whole| *whole <= received.len()) {
            return Ok(Some(received.drain(..whole).collect()));
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer).await? {
            0 if received.is_empty() => return Ok(None),
            0 => anyhow::bail!("a message that does not end"),
            n => received.extend_from_slice(&buffer[..n]),
        }
    }
}

/// Returns the length of a request in bytes, head and body; `None` if the head is incomplete.
fn request_bytes(received: &[u8]) -> anyhow::Result<Option<usize>> {
    Ok(match RequestHead::decode(received)? {
        Decoded::Incomplete { .. } => None,
        Decoded::Complete { value, consumed } => {
            Some(consumed + usize::try_from(value.content_length().unwrap_or(0))?)
        }
    })
}

fn response_bytes(received: &[u8]) -> anyhow::Result<Option<usize>> {
    let Decoded::Complete { value, consumed } = ResponseHead::decode(received)? else {
        return Ok(None);
    };
    let length = value.values("Content-Length").next();
    let length = length.map_or(Cow::Borrowed("0"), String::from_utf8_lossy);
    Ok(Some(consumed + length.parse::<usize>()?))
}

async fn more(stream: &mut TcpStream, received: &mut Vec<u8>) -> anyhow::Result<()> {
    let mut buffer = [0; 1024];
    let n = stream.read(&mut buffer).await?;
    ensure!(n > 0, "the stream ends within a negotiation");
    received.extend_from_slice(&buffer[..n]);
    Ok(())
}
