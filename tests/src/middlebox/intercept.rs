//! TLS inspection: the device terminates TLS with a certificate made on the spot, and either relays the content or
//! shows its own page.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::stranger::serve_web;
use super::tls::{self, Onward};
use crate::Authority;

/// Terminates TLS and shows the device's own page.
pub(super) async fn wall(client: TcpStream, authority: Arc<Authority>) -> anyhow::Result<()> {
    let start = tls::hello(client).await?;
    let name = start.client_hello().server_name().map(str::to_owned);
    let certificate = authority.issue(name.as_deref().unwrap_or(NAMELESS))?;
    let alpn = tls::offered(&start);
    let opened = start
        .into_stream(tls::server_config(certificate, alpn)?)
        .await?;
    serve_web(opened).await
}

/// Relays clear text unchanged until TLS begins, and terminates the TLS.
pub(super) async fn relay(
    mut client: TcpStream,
    upstream: SocketAddr,
    authority: Arc<Authority>,
    onward: Onward,
) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    if !reach_tls(&mut client, &mut server).await? {
        return Ok(());
    }
    let start = tls::hello(client).await?;
    let name = start.client_hello().server_name().map(str::to_owned);
    let certificate = authority.issue(name.as_deref().unwrap_or(NAMELESS))?;
    let alpn = tls::offered(&start);
    match onward {
        Onward::Plain => {
            let mut opened = start
                .into_stream(tls::server_config(certificate, alpn)?)
                .await?;
            copy_bidirectional(&mut opened, &mut server).await?;
        }
        Onward::Tls => {
            let mut again = tls::connect(server, name, alpn).await?;
            let agreed = again.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let config = tls::server_config(certificate, agreed.into_iter().collect())?;
            let mut opened = start.into_stream(config).await?;
            copy_bidirectional(&mut opened, &mut again).await?;
        }
    }
    Ok(())
}

/// Relays the bytes before a ClientHello (X.224, MC-NMF), and returns whether a ClientHello follows.
async fn reach_tls(client: &mut TcpStream, server: &mut TcpStream) -> std::io::Result<bool> {
    let mut first = [0; 1];
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            peeked = client.peek(&mut first) => {
                if peeked? == 0 {
                    return Ok(false);
                }
                if first[0] == TLS_HANDSHAKE {
                    return Ok(true);
                }
                let n = client.read(&mut buffer).await?;
                server.write_all(&buffer[..n]).await?;
            }
            read = server.read(&mut buffer) => match read? {
                0 => return Ok(false),
                n => client.write_all(&buffer[..n]).await?,
            },
        }
    }
}

/// The name in a certificate for a client that sent no SNI.
const NAMELESS: &str = "inspection.invalid";

/// RFC 8446 section 5.1: the content type `handshake`, the first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;
