//! TLS inspection: opened with a certificate made on the spot, and relayed onward or not.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use super::stranger::serve_web;
use super::tls::{self, Onward};
use crate::Authority;

/// Shows a page of its own.
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

/// Passes clear text on as it is until TLS begins, and opens that.
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

/// Relays what comes before a ClientHello (X.224, MC-NMF), and says whether there is one.
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

/// In a certificate for a client that named nobody.
const NAMELESS: &str = "inspection.invalid";

/// RFC 8446 section 5.1: the content type of the first record.
const TLS_HANDSHAKE: u8 = 0x16;
